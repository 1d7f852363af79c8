"""Conversion between protobuf messages and the dicts that operations read and return."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from regdex.errors import InvalidArgument

_TIMESTAMP = "google.protobuf.Timestamp"


def words_of(enum: EnumDescriptor) -> dict[int, str]:
    """Return the lower-case word of each number, without the enum's prefix. 0, which is unspecified, has none."""
    prefix = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in enum.name).lstrip("_") + "_"
    return {value.number: value.name.removeprefix(prefix).lower() for value in enum.values if value.number}


class RequestReader:
    """Converts the bytes of a request message to its set fields, for `read_request`."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._parse = GetMessageClass(descriptor).FromString
        self._converters = {
            field.name: converter for field in descriptor.fields if (converter := _reader(field)) is not None
        }

    def read(self, content: bytes) -> dict[str, Any]:
        """Return the set fields. Raise InvalidArgument for malformed bytes and for invalid enum values or times."""
        try:
            message = self._parse(content)
        except DecodeError:
            raise InvalidArgument("the request is not a valid message of this method") from None
        fields: dict[str, Any] = {}
        for field, value in message.ListFields():
            convert = self._converters.get(field.name)
            fields[field.name] = value if convert is None else convert(value)
        return fields


def _reader(field: FieldDescriptor) -> Callable[[Any], Any] | None:
    if field.message_type is not None:
        if field.message_type.full_name != _TIMESTAMP:
            raise TypeError(f"{field.full_name}: requests contain no messages other than Timestamp")
        return lambda value: _time(field.name, value)
    one: Callable[[Any], Any] | None = None
    if field.enum_type is not None:
        words = words_of(field.enum_type)
        name = field.name

        def one(value: int) -> str:
            word = words.get(value)
            if word is None:
                raise InvalidArgument(f"{name}: unknown value")
            return word

    if field.is_repeated:
        return list if one is None else lambda values: [one(value) for value in values]
    return one


def _time(name: str, value: Any) -> Any:
    try:
        return value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{name}: must be between the years 1 and 9999 in UTC") from None


class AnswerWriter:
    """Converts the dict of an answer to the bytes of its message, which has numbers where the dict has enum words."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._message = GetMessageClass(descriptor)
        self._translate = _translator(descriptor, set())

    def write(self, content: dict[str, Any]) -> bytes:
        """Return the bytes of the message. This modifies `content`."""
        if self._translate is not None:
            self._translate(content)
        written: bytes = self._message(**content).SerializeToString()
        return written


def _translator(descriptor: Descriptor, above: set[str]) -> Callable[[dict[str, Any]], None] | None:
    """Return a function that replaces enum words with numbers in place; None for a message without enums."""
    enums = [
        (field.name, {word: number for number, word in words_of(field.enum_type).items()})
        for field in descriptor.fields
        if field.enum_type is not None
    ]
    inner = [
        (field.name, field.is_repeated, translate)
        for field in descriptor.fields
        if field.message_type is not None
        and field.message_type.full_name not in above
        and (translate := _translator(field.message_type, above | {descriptor.full_name})) is not None
    ]
    if not enums and not inner:
        return None

    def translate_all(content: dict[str, Any]) -> None:
        for name, numbers in enums:
            content[name] = numbers[content[name]]
        for name, repeated, translate in inner:
            if repeated:
                for item in content[name]:
                    translate(item)
            elif content[name] is not None:
                translate(content[name])

    return translate_all
