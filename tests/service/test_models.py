"""The models and the protos say the same: messages, fields, types, what may be absent, words of enums."""

import importlib
import pkgutil
import types
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from pydantic import BaseModel

from service import models
from service.models.message import Request

MODULES = [importlib.import_module(f"service.models.{module.name}") for module in pkgutil.iter_modules(models.__path__)]
PROTOS = ("content", "catalog", "history", "search", "statistics", "admin")
SCALARS = {
    FieldDescriptor.CPPTYPE_INT32: int,
    FieldDescriptor.CPPTYPE_INT64: int,
    FieldDescriptor.CPPTYPE_BOOL: bool,
    FieldDescriptor.CPPTYPE_DOUBLE: float,
    FieldDescriptor.CPPTYPE_STRING: str,
}


def _messages() -> list[Any]:
    found = []
    for name in PROTOS:
        file = importlib.import_module(f"regdex.v1.{name}_pb2").DESCRIPTOR
        found += [pytest.param(message, id=f"{name}.{message.name}") for message in file.message_types_by_name.values()]
    return found


def _bare(annotation: Any) -> tuple[Any, bool]:
    """The type without Annotated and None, and whether None was there."""
    optional = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            kept = [arg for arg in get_args(annotation) if arg is not type(None)]
            optional |= len(kept) < len(get_args(annotation))
            (annotation,) = kept
        else:
            return annotation, optional


def _words(field: FieldDescriptor) -> set[str]:
    assert field.enum_type is not None
    prefix = "".join(f"_{c}" if c.isupper() else c.upper() for c in field.enum_type.name).lstrip("_") + "_"
    return {v.name.removeprefix(prefix).lower() for v in field.enum_type.values if v.number}


def _check_type(field: FieldDescriptor, annotation: Any) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        assert annotation == dict[str, str]
    elif field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp":
        assert annotation is datetime
    elif field.message_type is not None:
        assert issubclass(annotation, BaseModel)
        assert annotation.__name__ == field.message_type.name
    elif field.enum_type is not None:
        assert get_origin(annotation) is Literal
        assert set(get_args(annotation)) == _words(field)
    else:
        assert annotation is SCALARS[field.cpp_type]


@pytest.mark.parametrize("message", _messages())
def test_model_mirrors_its_message(message: Descriptor) -> None:
    (model,) = {getattr(module, message.name) for module in MODULES if hasattr(module, message.name)}
    fields = {info.alias or name: info for name, info in model.model_fields.items()}

    assert list(fields) == [field.name for field in message.fields]
    is_request = issubclass(model, Request)
    assert is_request == message.name.endswith("Request")
    assert model.model_config["extra"] == "forbid"
    for field in message.fields:
        annotation, may_be_none = _bare(fields[field.name].annotation)
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.is_repeated and not is_map:
            assert get_origin(annotation) is list, field.name
            annotation, inner_none = _bare(get_args(annotation)[0])
            assert not inner_none, field.name
        _check_type(field, annotation)
        if is_request and field.has_presence:
            assert may_be_none, field.name
            assert fields[field.name].default is None, field.name
        elif not is_request and not (field.message_type is not None and field.has_presence):
            assert not may_be_none, field.name
        if not is_request and field.has_presence and field.containing_oneof is not None:
            assert may_be_none, field.name
