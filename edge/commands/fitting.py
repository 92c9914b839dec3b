"""Whether a bundle fits what a run was asked for."""

from typing import TYPE_CHECKING

from edge_common import console

if TYPE_CHECKING:
    from edge.commands.one_run import RunRequest
    from edge.commands.run_options import RunOptions
    from edge.signatures import Verifier


def require_fitting(request: "RunRequest") -> None:
    """Raise EdgeError if it does not fit the sources, inputs and alerts, or the detector is none."""
    options, manifest = request.options, request.bundle.manifest
    zones = [zone.name for zone in options.people.areas[0]] if options.alerts else []
    if not options.self_test:
        options.check_secrets()
        options.refuse_unlike(manifest.input.is_features)
        options.stream.check_inputs(manifest.inputs)
    for alert in options.alerts:
        alert.fit(manifest.tasks, zones, has_people=bool(options.people))
    _note_missing_clips(options)
    if options.verifier:
        _verify_detector(options, options.verifier)


def _note_missing_clips(options: "RunOptions") -> None:
    asking = [str(alert) for alert in options.alerts if not isinstance(alert.clip, bool)]
    if asking and not any(endpoint.kind.name == "clips" for endpoint in options.outputs):
        console.note(
            f"alert '{asking[0]}' asks for a clip, and no output records one: add --sink clips:FOLDER"
        )


def _verify_detector(options: "RunOptions", verifier: "Verifier") -> None:
    """Before anything that runs is ended for it. Raises EdgeError."""
    if options.people:
        options.people.open(options.stream, verifier.open)
    for warning in verifier.warnings():
        console.note(warning)
