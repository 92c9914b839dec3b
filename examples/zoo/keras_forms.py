"""Networks that Keras writes: whole, in two files, over features, in the forms of older versions."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.input_spec import InputSpec
from edge.stream.planes import clip_planes
from examples.zoo.members import FileForm, WrittenNetwork
from examples.zoo.patterns import KINDS, PatternClips, pattern_clips

EPOCHS, BATCH = 8, 16
Over = keras.layers.TimeDistributed
_SCALING = ("Rescaling", "Normalization")


def backbone(name: str, size: int, channels: int = 3, **options: Any) -> keras.Model:
    """One of keras.applications, frozen, its random weights' statistics those of real pictures."""
    network = getattr(keras.applications, name)(
        input_shape=(size, size, channels), include_top=False, weights=None, **options
    )
    return settled(network, size, channels)


def settled(network: Any, size: int, channels: int = 3) -> Any:
    """Frozen; its batch normalisations as after training.  network: of Keras 3 or Keras 2."""
    frames = pattern_clips(12, (1, size, size, channels), 5).frames[:, 0].astype(np.float32)
    if not any(type(layer).__name__ in _SCALING for layer in network.layers):
        frames = frames / 127.5 - 1  # as those are given that do not scale themselves
    norms = [each for each in network.layers if type(each).__name__ == "BatchNormalization"]
    for layer in norms:
        layer.momentum = 0.0
    network(frames, training=True)
    for layer in norms:
        layer.momentum = 0.99
    network.trainable = False
    return network


def train(model: Any, clips: PatternClips, epochs: int = EPOCHS) -> None:
    """Briefly, what classes there are; anything else keeps its random weights."""
    targets, losses = {}, {}
    for name, output in named(model).items():
        if len(output.shape) == 2 and output.shape[-1] >= KINDS:
            targets[name], losses[name] = clips.kind, "sparse_categorical_crossentropy"
        elif len(output.shape) == 2 and output.shape[-1] == 1:
            targets[name], losses[name] = (clips.kind > 1).astype("float32"), "mse"
    if losses:
        functional = keras.Model if isinstance(model, keras.Model) else _keras_2_model()
        trained = functional(model.inputs, {name: named(model)[name] for name in losses})
        trained.compile("adam", losses)
        frames = clips.frames.astype(np.float32)
        inputs = [np.ones((len(frames), *each.shape[1:]), bool) for each in model.inputs[1:]]
        trained.fit([frames, *inputs], targets, BATCH, epochs, verbose=0)


def _keras_2_model() -> Any:
    import tf_keras

    return tf_keras.Model


def named(model: Any) -> dict[str, Any]:
    """Its outputs, by the names that edge-convert gives to tasks."""
    if hasattr(model, "add"):  # Sequential
        return {model.layers[-1].name: model.outputs[0]}
    if isinstance(model.output, Mapping):
        return dict(model.output)
    return dict(zip(model.output_names, model.outputs))


def answers(model: Any, clips: PatternClips, *more: np.ndarray) -> dict[str, np.ndarray]:
    """What it says of the clips, a few at a time."""
    values_by_name: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(clips.frames), BATCH):
        frames = clips.frames[start : start + BATCH].astype(np.float32)
        outputs = model([frames, *more] if more else frames, training=False)
        if not isinstance(outputs, Mapping):
            outputs = dict(
                zip(named(model), outputs if isinstance(outputs, Sequence) else [outputs])
            )
        for name, values in outputs.items():
            values_by_name.setdefault(name, []).append(np.asarray(values))
    return {name: np.concatenate(values) for name, values in values_by_name.items()}


def _whole(
    model: keras.Model,
    base: Path,
    training: PatternClips,
    test: PatternClips,
    *,
    arguments: Sequence[str] = (),
    tasks: Mapping[str, Any] | None = None,
    is_stacked: bool = False,
    planes: Sequence[str] = (),
) -> WrittenNetwork:
    """is_stacked: grey frames are its channels.  planes: are.  tasks: of a tasks file beside it."""
    if planes:
        height, width = test.frames.shape[2:4]
        spec = InputSpec(height, width, len(planes), planes=tuple(planes))
        training, test = (
            PatternClips(clip_planes(clips.frames, spec), clips.kind) for clips in (training, test)
        )
        arguments = (*arguments, "--planes", ",".join(planes))
    if is_stacked:
        training, test = (
            PatternClips(np.moveaxis(clips.frames[..., 0], 1, -1), clips.kind)
            for clips in (training, test)
        )
    train(model, training)
    path = base.with_suffix(".keras")
    model.save(path)
    if tasks:
        path.with_suffix(".tasks.json").write_text(json.dumps({"tasks": tasks}))
    return WrittenNetwork([str(path), *arguments], answers(model, test))


def _saved_model(
    model: keras.Model, base: Path, training: PatternClips, test: PatternClips
) -> WrittenNetwork:
    train(model, training)
    model.export(base, verbose=False)
    return WrittenNetwork([str(base)], answers(model, test))


def _two_files(
    models: tuple[keras.Model, keras.Model],
    base: Path,
    training: PatternClips,
    test: PatternClips,
    **options: Any,
) -> WrittenNetwork:
    """Features first, of all frames, and then a network over these: as the tutorials do it."""
    encoder, head = models
    of_frames = []
    for clips in (training, test):
        count, window = clips.frames.shape[:2]
        frames = clips.frames.reshape(-1, *clips.frames.shape[2:])
        features = encoder.predict(frames.astype(np.float32), BATCH, verbose=0)
        of_frames.append(PatternClips(features.reshape(count, window, -1), clips.kind))
    train(head, of_frames[0], 30)
    paths = [base.with_name(f"{base.name}_{part}.keras") for part in ("encoder", "head")]
    encoder.save(paths[0])
    head.save(paths[1])
    mask = [np.ones((BATCH, *each.shape[1:]), bool) for each in head.inputs[1:]]
    return WrittenNetwork(
        ["--encoder", str(paths[0]), "--head", str(paths[1])], answers(head, of_frames[1], *mask)
    )


def _features(
    model: keras.Model, base: Path, training: PatternClips, test: PatternClips
) -> WrittenNetwork:
    train(model, training, 15)
    path = base.with_suffix(".keras")
    model.save(path)
    return WrittenNetwork([str(path)], answers(model, test))


def _keras_2(
    model: Any, base: Path, training: PatternClips, test: PatternClips, suffix: str = ".h5"
) -> WrittenNetwork:
    train(model, training)
    path = base.with_suffix(suffix)
    model.save(path)
    return WrittenNetwork([str(path)], answers(model, test))


def _custom(
    pair: tuple[keras.Model, Path], base: Path, training: PatternClips, test: PatternClips
) -> WrittenNetwork:
    model, module = pair
    network = _whole(model, base, training, test)
    return WrittenNetwork([*network.arguments, "--custom", str(module)], network.answers)


whole = FileForm(".keras", _whole)
saved_model = FileForm("SavedModel", _saved_model)
two_files = FileForm("two .keras", _two_files)
features = FileForm(".keras over features", _features)
keras_2 = FileForm("Keras 2", _keras_2, needs="tf_keras")
custom = FileForm(".keras and a module", _custom)
