"""The board's side of `edge-bench --host`: sent there as source, so it imports only what Python has.

stdin: the job, one JSON line; the list of files, one JSON line, and their bytes; then nothing
until the user interrupts or the connection ends: either ends the run.
stdout: JSON lines. `lacks_wheel` asks for the files, `step` and `stderr` are to be shown; the
last one is `error`, or `exit` with `record_bytes` (None: no record), followed by these bytes.
"""
