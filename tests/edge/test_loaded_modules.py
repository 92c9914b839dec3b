"""What a board loads for an ordinary run: what it never reaches costs it no memory and no time."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOMS = ("edge", "edge_common", "edge_devices")
# edge-run on a video with a bundle that is no detector's loads these modules of ours and no other
LOADED = """
edge edge.answers edge.input_spec edge.status
edge.bundle edge.bundle.archive edge.bundle.detection edge.bundle.given_input edge.bundle.manifest
edge.bundle.manifest_check
edge.cli edge.commands edge.commands.execute edge.commands.feeds edge.commands.options edge.commands.people
edge.commands.fitting edge.commands.one_run
edge.commands.plain edge.commands.run_options edge.commands.scene_options edge.commands.settings_options
edge.commands.service edge.commands.source_options edge.commands.update
edge.engine edge.engine.delegate edge.engine.delegation edge.engine.engine
edge.engine.runtimes edge.engine.watchdog
edge.events edge.events.clock edge.events.event edge.feed
edge.loop edge.privacy edge.privacy.sensitive
edge.registry edge.shipped edge.sinks edge.source_summary edge.sources edge.sources.video
edge.stream edge.stream.decision edge.stream.given edge.stream.stream
edge.stream.motion_gate edge.stream.network edge.stream.options
edge.stream.preprocess edge.stream.quantise edge.stream.ring edge.stream.sampling edge.stream.states
edge.stream.vectors
edge.summary
edge.tasks
edge_common edge_common.archives edge_common.command_line edge_common.console edge_common.data
edge_common.errors edge_common.files edge_common.named_numbers edge_common.runtimes
edge_devices edge_devices.detection edge_devices.detection.kernel_files
edge_devices.detection.memory
"""
# and these with each of the options
MORE = {
    "--jsonl out.jsonl": "edge.sinks.jsonl edge.sinks.lines edge.sinks.on_disk"
    " edge.sinks.queued edge.sinks.quota",
    "--save out.avi": "edge.sinks.video edge.sinks.draw edge.sinks.lettering edge.sinks.mp4"
    " edge.sinks.queued edge.sinks.quota",
}


def _loaded(folder: Path, video: Path, *options: str) -> set[str]:
    code = (
        "import sys\n"
        "from edge.cli import main\n"
        f"try: main(['faces-in-motion', '--source', {str(video)!r}, '--frames', '18', *sys.argv[1:]])\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"ours = [name for name in sys.modules if name.split('.')[0] in {ROOMS}]\n"
        "sys.stderr.write(' '.join(ours))\n"
    )
    command = [sys.executable, "-c", code, *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    # each kind of task is one small file, and all are read at once
    return {name for name in done.stderr.split() if not name.startswith("edge.tasks.")}


@pytest.mark.parametrize("options", ["", *MORE])
def test_a_run_loads_what_it_uses(tmp_path: Path, video_path: Path, options: str) -> None:
    expected = {*LOADED.split(), *MORE.get(options, "").split()}
    assert _loaded(tmp_path, video_path, *options.split()) == expected
