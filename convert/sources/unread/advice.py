"""What to do with a file or a folder that holds no network in a form that is read here, in one line."""

from pathlib import Path

from edge_common import ModelError
from edge_convert.sources.unread import contents

READ = (".keras", ".h5", ".hdf5", ".onnx", ".pt2", ".tflite", ".lite")
EXPORT = "torch.export.save(torch.export.export(model.eval(), (example,)), 'model.pt2')"
_BY_CONTENT = {
    contents.KERAS: (".keras",), contents.ONNX: (".onnx",), contents.PT2: (".pt2",),
    contents.TFLITE: (".tflite", ".lite"),
}  # fmt: skip
PICKLES = (".pt", ".pth", ".ckpt", ".pkl")  # without a pickle's content: who reads them says it
_RUNTIMES = {
    ".mlmodel": "Core ML", ".mlpackage": "Core ML", ".engine": "TensorRT", ".plan": "TensorRT",
    ".trt": "TensorRT", ".xml": "OpenVINO", ".ort": "ONNX Runtime's own format", ".param": "ncnn",
    ".caffemodel": "Caffe", ".prototxt": "Caffe", ".rknn": "Rockchip's runtime", ".mnn": "MNN",
    ".dlc": "Qualcomm's runtime", ".hef": "Hailo's runtime", ".blob": "OpenVINO's devices",
    ".pdmodel": "Paddle", ".pdparams": "Paddle", ".kmodel": "Kendryte's runtime", ".gguf": "GGML",
    ".joblib": "scikit-learn", ".params": "MXNet",
}  # fmt: skip
_NEITHER = f"is neither a SavedModel folder nor one of {', '.join(READ)}"
_WEIGHTS = "weights without their network"
_FOLDER = "unpack it, and give the folder that holds saved_model.pb"
_LINES = {
    contents.NOTHING: "is empty: copy or download it again",
    contents.POINTER: "is a pointer of git-lfs, not the file itself: fetch that with 'git lfs pull'",
    contents.PAGE: "is a web page, not the file itself: download it again, such as by its raw link",
    contents.ARCHIVE: f"is an archive: {_FOLDER}, or the network's file",
    contents.SAVED_MODEL_ZIP: f"is a zip of a SavedModel: {_FOLDER}",
    contents.SAFETENSORS: (
        f"holds {_WEIGHTS}: build that in PyTorch as model, then safetensors.torch.load_model(model, "
        f"'{{path}}') and {EXPORT}"
    ),
    contents.TORCH_WEIGHTS: (
        f"holds {_WEIGHTS}: build that in PyTorch as model, then model.load_state_dict(torch.load("
        f"'{{path}}')), or of the entry that holds them, such as ['state_dict'], and {EXPORT}"
    ),
    contents.TORCH_MODULE: (
        "is a pickled module, and reading it may run any code: where its classes can be imported, "
        f"model = torch.load('{{path}}', weights_only=False) and {EXPORT}"
    ),
    contents.TORCH_SCRIPT: (
        "is TorchScript: make an .onnx of it with torch.onnx.export(torch.jit.load('{path}').eval(), "
        "(example,), 'model.onnx', dynamo=False)"
    ),
    contents.PICKLE: (
        "is a pickle, which has no graph and may run any code: load it where it was made, and save the "
        f"network there, with model.save('model.keras') or {EXPORT}"
    ),
}


def refuse_unread(path: Path) -> None:
    """Raises ModelError, with what to do, if this is nothing that is read here, by name or content."""
    try:
        advice = _advice(path)
    except OSError as error:
        advice = f"cannot be read: {error.strerror}"
    if advice:
        raise ModelError(f"{path} {advice}")


def _advice(path: Path) -> str:
    """Empty if a reader is to look at it; also of what does not exist."""
    suffix = path.suffix.lower()
    if suffix == ".edge":
        return "is a bundle already, which edge-run runs: give the network that it was made of"
    if suffix in _RUNTIMES and path.exists():
        return (
            f"is for {_RUNTIMES[suffix]}, from which nothing leads back: give the network that it was "
            "made of, as .keras, .h5, SavedModel folder, .onnx, .pt2 or .tflite"
        )
    if path.is_dir():
        return _of_folder(path)
    return _of_checkpoint(path) or (_of_file(path) if path.is_file() else "")


def _of_file(path: Path) -> str:
    content, suffix = contents.content_of(path), path.suffix.lower()
    if suffixes := _BY_CONTENT.get(content):
        # Keras takes no .KERAS
        is_named = (path.suffix if content == contents.KERAS else suffix) in suffixes
        step = f"is a {suffixes[0]} file by its content: rename it to {path.stem}{suffixes[0]}"
        return "" if is_named else step
    if content in _LINES:
        return _LINES[content].format(path=path)
    if content == contents.ZIP:
        members = contents.members(path)
        names = [name for name in members if Path(name).suffix in READ]
        if members and all(name.endswith(".npy") for name in members):
            return "holds arrays, no network: if they are clips, give them as --calibration"
        return f"is a zip: unpack it, and give {' or '.join(names[:3]) or 'the network in it'}"
    if suffix in (".pb", ".pbtxt"):
        return _of_protobuf(path)
    if suffix == ".json":
        return _of_description(path)
    if content == contents.HDF5 or suffix in (*READ, *PICKLES):
        return ""
    return _NEITHER


def _of_protobuf(path: Path) -> str:
    with path.open("rb") as file:
        is_saved_model = file.read(2) == b"\x08\x01"  # its version comes first
    if path.stem == "saved_model" or is_saved_model:
        return f"is part of a SavedModel: give the folder that it stands in, {path.parent}"
    return (
        "is a frozen graph: make a .tflite of it with tf.compat.v1.lite.TFLiteConverter.from_frozen_graph("
        f"'{path}', ['INPUT'], ['OUTPUT']).convert()"
    )


def _of_description(path: Path) -> str:
    """Of a .json, which may describe a network."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if "weightsManifest" in text:
        return "is of TensorFlow.js: give the network that it was made of"
    if "class_name" not in text:
        return f"is no network: give one of {', '.join(READ)}, or a SavedModel folder"
    is_keras_2 = '"keras_version": "2.' in text
    keras, suffix = ("tf_keras", ".h5") if is_keras_2 else ("keras", ".keras")
    return (
        f"is a network without its weights: model = {keras}.models.model_from_json(open('{path}').read()), "
        f"model.load_weights(...), then model.save('model{suffix}')"
    )


def _of_checkpoint(path: Path) -> str:
    """Of TensorFlow's checkpoints, which are called by what their files begin with."""
    if path.suffix in (".index", ".meta") or path.suffix.startswith(".data-"):
        return _restored(path.with_suffix(""))
    is_begin = not path.exists() and Path(f"{path}.index").exists()
    return _restored(path) if is_begin else ""


def _restored(start: Path) -> str:
    if Path(f"{start}.meta").exists():
        return (
            "is a checkpoint of TensorFlow 1: in a tf.compat.v1.Session, tf.compat.v1.train."
            f"import_meta_graph('{start}.meta').restore(session, '{start}'), then "
            "tf.compat.v1.saved_model.simple_save(session, 'folder', {'frames': INPUT}, {'answer': OUTPUT})"
        )
    return (
        f"is a checkpoint, {_WEIGHTS}: build that as model, with the Keras that wrote it (of TensorFlow up "
        f"to 2.15: tf_keras), then model.load_weights('{start}') and model.save('model.h5')"
    )


def _of_folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return ""
    if inner := sorted((*path.glob("*/saved_model.pb"), *path.glob("*/*/saved_model.pb"))):
        return f"holds a SavedModel further inside: give {inner[-1].parent}"
    if starts := sorted(path.glob("*.index")):
        return _restored(starts[-1].with_suffix(""))
    names = {each.name for each in path.iterdir()}
    if {"config.json", "metadata.json", "model.weights.h5"} <= names:
        return f"is an unpacked .keras file: pack it again, (cd {path} && zip -r ../model.keras .)"
    if "config.json" in names and any(n.endswith((".safetensors", ".bin")) for n in names):
        return (
            f"is a folder of weights: load it in Python, such as with transformers, then {EXPORT}"
        )
    if networks := sorted(str(path / name) for name in names if Path(name).suffix in READ):
        return f"is a folder: give a network in it, {' or '.join(networks[:3])}"
    return _NEITHER
