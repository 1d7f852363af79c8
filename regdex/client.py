"""A typed asyncio client of Regdex over gRPC. Needs only grpcio and protobuf.

    async with Client("regdex.example.com:9090", api_key=key) as client:
        answer = await client.search_repositories(q="paymnet-gatway")
        async for tag in client.items(client.list_tags, registry="prod", repository="payments/gateway"):
            print(tag.tag, tag.digest)

Fields are named as in protos/regdex/v1. Enums may be given as lower-case words without their prefix (`"pushed_at"`),
times as aware datetimes; what is None is not sent. Errors are those of regdex.errors.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from regdex import errors
from regdex.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    history_pb2,
    history_pb2_grpc,
    search_pb2,
    search_pb2_grpc,
    statistics_pb2,
    statistics_pb2_grpc,
)
