"""The messages of ``serving.proto``, from its compiled description, so that no build step is needed.

>>> PredictRequest(model="late", json=b'{"rows": []}').WhichOneof("rows")
'json'
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2, empty_pb2, message_factory, struct_pb2  # type: ignore[import-untyped]
from google.protobuf.descriptor_pool import Default  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]

PACKAGE = "stagecraft.v1"


def _load() -> dict[str, Any]:
    """Return the messages by their names; what they import is registered by the imports above."""
    described = descriptor_pb2.FileDescriptorSet.FromString(
        files(__package__).joinpath("serving.binpb").read_bytes()
    )
    pool, (file,) = Default(), described.file
    pool.AddSerializedFile(file.SerializeToString())
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{message.name}"))
        for message in file.message_type
    }


_messages = _load()
PredictRequest = _messages["PredictRequest"]
PredictResponse = _messages["PredictResponse"]
DeployRequest = _messages["DeployRequest"]
SetAliasRequest = _messages["SetAliasRequest"]
AliasRequest = _messages["AliasRequest"]
VersionRequest = _messages["VersionRequest"]
ModelRequest = _messages["ModelRequest"]
Change = _messages["Change"]
Empty, Struct, Value = empty_pb2.Empty, struct_pb2.Struct, struct_pb2.Value

__all__ = [
    "PACKAGE",
    "AliasRequest",
    "Change",
    "DeployRequest",
    "Empty",
    "Message",
    "ModelRequest",
    "PredictRequest",
    "PredictResponse",
    "SetAliasRequest",
    "Struct",
    "Value",
    "VersionRequest",
]
