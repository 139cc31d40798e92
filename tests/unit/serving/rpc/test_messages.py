"""The compiled description of the messages is that of the file that people read."""

from __future__ import annotations

import re
from importlib.resources import files

from google.protobuf.descriptor_pool import Default

from stagecraft.serving.rpc import messages
from stagecraft.serving.rpc.status import LONGEST, encoded


def test_the_description_is_of_the_file() -> None:
    text = files("stagecraft.serving.rpc").joinpath("serving.proto").read_text()
    file = Default().FindFileByName("stagecraft/serving/rpc/serving.proto")
    assert file.package == messages.PACKAGE
    fields = set()
    for name, body in re.findall(r"^message (\w+) \{(.*?)^\}", text, re.M | re.S):
        fields |= {(name, field, int(number)) for field, number in re.findall(r"(\w+) = (\d+);", body)}
    assert fields == {
        (name, field.name, field.number)
        for name, message in file.message_types_by_name.items()
        for field in message.fields
    }
    calls = set(
        re.findall(r"rpc (\w+)\((?:stream )?[\w.]*?(\w+)\) returns \((?:stream )?[\w.]*?(\w+)\)", text)
    )
    assert calls == {
        (method.name, method.input_type.name, method.output_type.name)
        for service in file.services_by_name.values()
        for method in service.methods
    }
    assert {name for name in vars(messages) if name in file.message_types_by_name} == {
        *file.message_types_by_name
    } - {"Rows", "Bounds"}


def test_texts_of_errors() -> None:
    assert encoded("a%b\n…ü") == b"a%25b%0A%E2%80%A6%C3%BC"
    assert encoded("\ud800") == b"?"
    assert len(encoded("x" * 5000)) < LONGEST + 20
