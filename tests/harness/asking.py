"""Asking the same over REST and over gRPC, and comparing like with like."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import grpc
import grpc.aio
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass

from service.contract import find_method
from service.operations import OPERATIONS, Operation
from service.rpc.messages import words_of

BY_METHOD = {operation.method: operation for operation in OPERATIONS}


@dataclass
class Refused(Exception):
    """An error as its transport said it."""

    code: str
    detail: str
    request_id: str


class Asker(Protocol):
    async def ask(self, method: str, **fields: Any) -> dict[str, Any]:
        """The answer with the names and words of the REST API; Refused for errors."""
        ...


class RestAsker:
    def __init__(self, address: str, key: str | None = None) -> None:
        self.base = f"http://{address}/api/v1"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def ask(self, method: str, **fields: Any) -> dict[str, Any]:
        operation = BY_METHOD[method]
        left = dict(fields)
        path = operation.path
        for name in list(left):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", str(left.pop(name)))
        query = [
            (name, _text(value))
            for name, given in ({} if operation.takes_body else left).items()
            for value in (given if isinstance(given, list) else [given])
        ]
        body = {k: v for k, v in left.items()} if operation.takes_body else None
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.request(operation.verb, self.base + path, params=query, json=body) as response,
        ):
            answer = await response.json(content_type=None)
            if response.status == 200:
                return checked(operation, answer)
            assert response.content_type == "application/problem+json"
            assert answer["request_id"] == response.headers["X-Request-Id"]
            assert answer["status"] == response.status
            raise Refused(answer["code"], answer["detail"], answer["request_id"])


class RpcAsker:
    def __init__(self, address: str, key: str | None = None) -> None:
        self._address = address
        self._metadata = (("authorization", f"Bearer {key}"),) if key else ()

    async def ask(self, method: str, **fields: Any) -> dict[str, Any]:
        operation = BY_METHOD[method]
        async with grpc.aio.insecure_channel(self._address) as channel:
            return checked(operation, await call(channel, operation, fields, self._metadata))


def checked(operation: Operation, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, which has the shape of its model."""
    operation.response.model_validate(answer)
    return answer


async def call(channel: grpc.aio.Channel, operation: Operation, fields: Mapping[str, Any], metadata: Any) -> Any:
    described = find_method(operation.rpc)
    request = GetMessageClass(described.input_type)(**_numbers(described.input_type, fields))
    stub: Any = channel.unary_unary(
        f"/{described.containing_service.full_name}/{operation.method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(described.output_type).FromString,
    )
    try:
        answer = await stub(request, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        trailers = dict(error.trailing_metadata() or ())
        raise Refused(error.code().name, error.details() or "", str(trailers.get("request-id", ""))) from None
    return plain(answer)


def plain(message: Any) -> dict[str, Any]:
    """A message as the REST API would write it: absent is null, 64 bits are integers, enums are words."""
    result: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            result[field.name] = dict(value)
        elif field.is_repeated:
            result[field.name] = [_plain_value(field, item) for item in value]
        elif field.has_presence and not message.HasField(field.name):
            result[field.name] = None
        else:
            result[field.name] = _plain_value(field, value)
    return result


def _plain_value(field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        return words_of(field.enum_type).get(value)
    if field.message_type is None:
        return value
    return MessageToDict(value) if field.message_type.full_name == "google.protobuf.Timestamp" else plain(value)


def _numbers(descriptor: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {}
    for name, value in fields.items():
        field = descriptor.fields_by_name[name]
        numbers[name] = value
        if field.enum_type is not None:
            words = {word: number for number, word in words_of(field.enum_type).items()}
            numbers[name] = [words.get(v, v) for v in value] if field.is_repeated else words.get(value, value)
    return numbers


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
