"""A process that fails, and what its end means here."""

import sys

import pytest

from edge_common.children import run_for_json
from edge_common.errors import EngineError, EngineHung


@pytest.mark.parametrize(("code", "kind"), [(2, EngineError), (4, EngineHung)])
def test_it_fails_as_its_process_did(code: int, kind: type[EngineError]) -> None:
    program = f"import sys; print('Error: why', file=sys.stderr); sys.exit({code})"
    with pytest.raises(EngineError, match="a fresh process failed .Error: why") as caught:
        run_for_json([sys.executable, "-c", program])
    assert type(caught.value) is kind
