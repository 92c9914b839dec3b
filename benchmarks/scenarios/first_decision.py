"""A fresh process up to its first decision, with the time at each step on its way.

Run as `python -m edge_benchmarks.scenarios.first_decision BUNDLE SOURCE RUNTIME THREADS [DELEGATE [DEVICE]]`;
prints one JSON object of `time.monotonic_ns()` at the end of each step.
"""

import json
import sys
import time


def main(
    bundle: str, source: str, runtime: str, threads: str, delegate: str = "auto", device: str = ""
) -> dict[str, int]:
    """Do what edge-run does, step by step. Raises EdgeError as it would."""
    steps = {"interpreter": time.monotonic_ns()}
    import edge.commands.execute  # noqa: F401
    from edge.bundle.plain_tflite import open_any
    from edge.engine.delegate import Delegate
    from edge.sources import open_source
    from edge.stream.stream import EngineOptions, Stream
    from edge_common.command_line import silence_libraries
    from edge_common.errors import SourceError

    silence_libraries()
    steps["import"] = time.monotonic_ns()
    opened = open_any(bundle, runtime=runtime)
    steps["bundle"] = time.monotonic_ns()
    options = EngineOptions(runtime, int(threads), Delegate.parse(delegate), device)
    stream = Stream(opened, options)
    steps["engines"] = time.monotonic_ns()
    with open_source(source) as frames:
        for frame in frames:
            steps.setdefault("source", time.monotonic_ns())
            decision = stream.push(frame)
            steps.setdefault("first frame", time.monotonic_ns())
            if decision is not None:
                steps["window"] = time.monotonic_ns()
                return steps
    raise SourceError(f"{source} ends before the window is full: give a longer recording")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])) + "\n")
