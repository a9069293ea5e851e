"""What Pulumi's engine sends, in one form: whatever is secret or not known yet is an Output, and stands where it stood.

The SDK's own reading of a secret that is no Output makes everything around it one secret, and forgets where it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf import struct_pb2

# Pulumi marks what is no plain value by a key and a text, and an unknown value by a text of its own.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def make_outputs(inputs: struct_pb2.Struct) -> list[str]:
    """Turn every secret and every unknown value into an Output, and return the paths of the secrets, in the alphabet's order.

    Example:
        >>> inputs = struct_pb2.Struct()
        >>> inputs.update({"values": {"PEER": "a", "KEY": {_SIGNATURE: _SECRET, "value": "b"}}})
        >>> make_outputs(inputs)
        ['values.KEY']
        >>> inputs["values"]["KEY"]["secret"]
        True
    """
    return [place for name in sorted(inputs.fields) for place in _within(name, inputs.fields[name])]


def _within(place: str, value: struct_pb2.Value) -> Iterator[str]:
    if value.string_value == _UNKNOWN:
        value.struct_value.update({_SIGNATURE: _OUTPUT})
    elif value.HasField("list_value"):
        for index, entry in enumerate(value.list_value.values):
            yield from _within(f"{place}[{index}]", entry)
    elif value.HasField("struct_value"):
        yield from _within_struct(place, value.struct_value)


def _within_struct(place: str, struct: struct_pb2.Struct) -> Iterator[str]:
    fields = struct.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
    if signature == _SECRET:
        struct.update({_SIGNATURE: _OUTPUT, "secret": True})
    if signature == _SECRET or (signature == _OUTPUT and "secret" in fields and fields["secret"].bool_value):
        yield place
    elif not signature:
        for name in sorted(fields):
            yield from _within(f"{place}.{name}", fields[name])
