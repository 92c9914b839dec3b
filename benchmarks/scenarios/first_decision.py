"""A fresh process up to its first decision, with the time at each step on its way.

Run as `python -m edge_benchmarks.scenarios.first_decision BUNDLE SOURCE OPTIONS`;
OPTIONS is a StreamOptions as JSON; prints one JSON object of `time.monotonic_ns()` at the end of each step.
"""

import json
import sys
import time


def main(bundle: str, source: str, options_json: str) -> dict[str, int]:
    """Do what edge-run does, step by step. Raises EdgeError as it would."""
    steps = {"interpreter": time.monotonic_ns()}
    import edge.commands.execute  # noqa: F401
    from edge.bundle.plain_tflite import open_any
    from edge.sources import open_source
    from edge.stream import Stream, StreamOptions
    from edge_common import SourceError, command_line, decode

    command_line.silence_libraries()
    steps["import"] = time.monotonic_ns()
    options = decode(StreamOptions, json.loads(options_json))
    opened = open_any(bundle, runtime=options.runtime)
    steps["bundle"] = time.monotonic_ns()
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
