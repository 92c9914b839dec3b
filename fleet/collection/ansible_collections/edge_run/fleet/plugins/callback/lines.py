"""One JSON line a result on stdout, for `edge-fleet`: which board, which task, and what is worth telling."""

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: lines
type: stdout
short_description: one JSON line a result
description: what edge-fleet reads; a line a task and board, with its result only if it failed or is a report.
"""
REPORT = "edge_report"
_TELLING = (
    "msg",
    "rc",
    "stdout",
    "stderr",
    "module_stderr",
    "exception",
    "results",
    "changed",
    REPORT,
)


class CallbackModule(CallbackBase):
    """Output of what went well stays on the board: it may be long, and hold what is private."""

    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "edge_run.fleet.lines"

    def v2_runner_on_ok(self, result):
        content = result._result
        self._write(result, "ok", {k: content[k] for k in ("changed", REPORT) if k in content})

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write(result, "failed", _telling(result._result), bool(ignore_errors))

    def v2_runner_on_unreachable(self, result):
        variables = result._host.get_vars()
        address = {key: variables.get(f"ansible_{key}") for key in ("host", "port")}
        self._write(result, "unreachable", {**_telling(result._result), "edge_address": address})

    def v2_runner_on_skipped(self, result):
        self._write(result, "skipped", {})

    def _write(self, result, status, content, ignored=False):
        line = {
            "board": result._host.get_name(),
            "task": result._task.get_name().rpartition(" : ")[2],
            "status": status,
            "result": content,
            "ignored": ignored,
        }
        print(json.dumps(line, default=str), flush=True)  # noqa: T201


def _telling(content):
    return {key: content[key] for key in _TELLING if key in content}
