"""Where secrets stand in what Pulumi's engine sends; the SDK's own reading of it forgets that."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf import struct_pb2

# Pulumi marks what is no plain object by this key; the values that matter here are a secret and an Output.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def secret_places(inputs: struct_pb2.Struct) -> Iterator[str]:
    """Yield the path of each secret, as in `firstBoot[1].content`.

    Example:
        >>> inputs = struct_pb2.Struct()
        >>> inputs.update({"values": {"PEER": "a", "KEY": {_SIGNATURE: _SECRET, "value": "b"}}})
        >>> list(secret_places(inputs))
        ['values.KEY']
    """
    for name, value in inputs.fields.items():
        yield from _within(name, value)


def _within(place: str, value: struct_pb2.Value) -> Iterator[str]:
    if value.HasField("list_value"):
        for index, entry in enumerate(value.list_value.values):
            yield from _within(f"{place}[{index}]", entry)
    elif value.HasField("struct_value"):
        fields = value.struct_value.fields
        signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
        if signature == _SECRET or (signature == _OUTPUT and "secret" in fields and fields["secret"].bool_value):
            yield place
        elif signature == _OUTPUT:
            if "value" in fields:
                yield from _within(place, fields["value"])
        else:
            for name, entry in fields.items():
                yield from _within(f"{place}.{name}", entry)
