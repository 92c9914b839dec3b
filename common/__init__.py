"""The ground floor: what every room stands on. It imports the standard library, numpy and click alone.

Errors, typed data and files are needed everywhere, so their names stand here; they load the
standard library alone.
"""

from edge_common.data import (
    DataError,
    decode,
    encode,
    nearest,
    nearest_or_all,
    parse_json,
    read_json,
    read_toml,
    toml_parser,
)
from edge_common.errors import (
    BuildFailed,
    BundleError,
    ClipError,
    ConfigError,
    DelegateError,
    DeviceError,
    EdgeError,
    EngineError,
    EngineHung,
    GalleryError,
    ModelError,
    RunFailed,
    SelfTestFailed,
    SignatureError,
    SinkError,
    SourceAbsent,
    SourceError,
    SourceLost,
    Unavailable,
    in_one_line,
    without_passwords,
)
from edge_common.files import (
    Closable,
    cache_folder,
    can_be_written,
    config_folder,
    is_locked,
    locked,
    only_writer,
    put_in_place,
    slug,
    state_folder,
    sync_folder,
    whole_file,
    whole_path,
    write_cached,
    write_whole,
)

__version__ = "0.2.0"

__all__ = [
    "BuildFailed", "BundleError", "ClipError", "Closable", "ConfigError", "DataError",
    "DelegateError", "DeviceError", "EdgeError", "EngineError", "EngineHung", "GalleryError",
    "ModelError", "RunFailed", "SelfTestFailed", "SignatureError", "SinkError", "SourceAbsent",
    "SourceError", "SourceLost", "Unavailable", "__version__", "cache_folder", "can_be_written",
    "config_folder", "decode", "encode", "in_one_line", "is_locked", "locked", "nearest",
    "nearest_or_all", "only_writer", "parse_json", "put_in_place", "read_json", "read_toml", "slug",
    "state_folder", "sync_folder", "toml_parser", "whole_file", "whole_path", "without_passwords",
    "write_cached", "write_whole",
]  # fmt: skip
