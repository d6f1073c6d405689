"""Pulumi's wire format as plain values; secrets and unknown values stay marked as such."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

UNKNOWN_SIGNATURE = rpc.UNKNOWN
_KEY = "4dabf18193072939515e22adb298388d"
_MARK = "1b47061264138c4ac30d75fd1eb44270"


class Unknown(Enum):
    """A value that only the provider will know, during the update."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Secret:
    """Value that the engine encrypts in the state."""

    value: Any


def decode(value: struct_pb2.Value) -> Any:
    """Decode one value; whole numbers become int."""
    match value.WhichOneof("kind"):
        case "struct_value":
            decoded = decode_struct(value.struct_value)
            return Secret(decoded["value"]) if decoded.get(_KEY) == _MARK else decoded
        case "list_value":
            return [decode(entry) for entry in value.list_value.values]
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_SIGNATURE else value.string_value
        case "number_value":
            return int(value.number_value) if value.number_value.is_integer() else value.number_value
        case "bool_value":
            return value.bool_value
    return None


def decode_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Decode all fields of a struct."""
    return {key: decode(value) for key, value in struct.fields.items()}
