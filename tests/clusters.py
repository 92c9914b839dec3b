"""Real Dask schedulers and workers on loopback, whose addresses stand for machines."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import distributed


@contextmanager
def running(
    folder: Path,
    hosts: Sequence[str] = ("127.0.0.1",),
    environment: Mapping[str, str] = {},
) -> Iterator[distributed.SpecCluster]:
    """A scheduler with a worker of one thread on each address of this machine."""
    options = {
        "nthreads": 1,
        "local_directory": str(folder),
        "silence_logs": logging.CRITICAL,
        "memory_limit": 0,
        "env": dict(environment),
    }
    workers = {
        number: {"cls": distributed.Nanny, "options": {**options, "host": host}}
        for number, host in enumerate(hosts)
    }
    address = {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"}
    scheduler = {"cls": distributed.Scheduler, "options": address}
    with distributed.SpecCluster(
        workers=workers, scheduler=scheduler, silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster
