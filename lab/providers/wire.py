"""Translate between Pulumi's wire form of property values and plain Python values.

Plain values are `None`, `bool`, `int`, `float`, `str`, `list`, `dict` and `UNKNOWN` (a value that a preview does not
know yet). Whole numbers arrive as `int`: the wire knows only floats, but ids and ports are printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import struct_pb2

UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"

Plain = dict[str, Any]


class Unknown:
    """Stand for a value that is known only after the deployment; `UNKNOWN` is the only instance."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


class Untranslatable(ValueError):
    """Say that a value has a form which the local cloud does not take (a secret, an asset); `.path` says where."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path, self.what = path, what


def decode(struct: struct_pb2.Struct) -> Plain:
    """Return the plain values of a wire struct; raise `Untranslatable` for secrets, assets and references.

    >>> decode(encode({"ports": [22, 80], "name": "web"}))
    {'name': 'web', 'ports': [22, 80]}
    """
    return {key: _decode(key, struct.fields[key]) for key in sorted(struct.fields)}


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return the wire struct of plain values."""
    struct = struct_pb2.Struct()
    for key, value in values.items():
        struct.fields[key].CopyFrom(_encode(value))
    return struct


def without_secrets(struct: struct_pb2.Struct) -> struct_pb2.Struct:
    """Return a wire struct with the plain text of each secret in its place."""
    return struct_pb2.Struct(fields={key: _without_secrets(value) for key, value in struct.fields.items()})


def _without_secrets(value: struct_pb2.Value) -> struct_pb2.Value:
    match value.WhichOneof("kind"):
        case "list_value":
            items = [_without_secrets(item) for item in value.list_value.values]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
        case "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET:
                return _without_secrets(fields["value"])
            return struct_pb2.Value(struct_value=without_secrets(value.struct_value))
        case _:
            return value


def decode_value(value: struct_pb2.Value) -> Any:
    """Return one plain value."""
    return _decode("value", value)


def contains_unknown(value: Any) -> bool:
    """Tell whether a plain value is unknown or contains something unknown."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return isinstance(value, Unknown)


def _decode(path: str, value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "list_value":
            return [_decode(f"{path}[{index}]", item) for index, item in enumerate(value.list_value.values)]
        case "struct_value":
            return _decode_struct(path, value.struct_value)
        case _:
            return None


def _decode_struct(path: str, struct: struct_pb2.Struct) -> Any:
    if SIGNATURE in struct.fields:
        if struct.fields[SIGNATURE].string_value == ASSET and "text" in struct.fields:
            return struct.fields["text"].string_value  # what an object holds: its text stands for it
        kind = "a secret" if struct.fields[SIGNATURE].string_value == SECRET else "an asset or a reference"
        raise Untranslatable(path, f"{kind} is not taken by the local cloud")
    return {key: _decode(f"{path}.{key}", struct.fields[key]) for key in sorted(struct.fields)}


def _encode(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, Unknown):
        return struct_pb2.Value(string_value=UNKNOWN_TEXT)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode(value))
    return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
