"""The gRPC port: the operations, health, reflection, and the limits that a public port needs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from regdex.errors import Misconfigured, RegdexError, Unavailable
from regdex.telemetry import new_request_id
from service.calls import INTERNAL_ERROR, MAX_SECONDS, Calls, explain
from service.contract import PACKAGE, find_method
from service.operations import Operation
from service.rpc.messages import AnswerWriter, RequestReader

STOP_SECONDS = 10.0
MAX_RPCS = 1_000
OPTIONS = (
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", 100),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_connection_age_ms", 1_800_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 300_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.keepalive_time_ms", 120_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
)

Handler = Callable[[bytes, "grpc.aio.ServicerContext[Any, Any]"], Awaitable[bytes]]


def handlers(operations: Iterable[Operation], calls: Calls) -> list[grpc.GenericRpcHandler]:
    """Return one generic handler for each service, with a method for each operation."""
    by_service: dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]] = {}
    for operation in operations:
        method = find_method(operation.rpc)
        handler = _handler(operation, calls, RequestReader(method.input_type), AnswerWriter(method.output_type))
        by_service.setdefault(method.containing_service.full_name, {})[operation.method] = (
            grpc.unary_unary_rpc_method_handler(handler)
        )
    return [grpc.method_handlers_generic_handler(name, methods) for name, methods in by_service.items()]


def _handler(operation: Operation, calls: Calls, reader: RequestReader, writer: AnswerWriter) -> Handler:
    route = operation.rpc

    async def handle(content: bytes, context: "grpc.aio.ServicerContext[Any, Any]") -> bytes:
        began = time.perf_counter()
        request_id = new_request_id()
        try:
            caller = await calls.admit(operation, _authorization(context))
            left = context.time_remaining()
            seconds = MAX_SECONDS if left is None else min(MAX_SECONDS, max(left, 0.0))
            reply = await calls.run(operation, caller, reader.read(content), seconds=seconds)
            written = writer.write(reply.content)
        except asyncio.CancelledError:
            calls.observe(route, "CANCELLED", began)
            raise
        except Exception as error:
            known = explain(error, route)
            calls.observe(route, known.code, began)
            await context.abort(*status_of(known), _trailers(known, request_id))
        calls.observe(route, "OK", began)
        return written

    return handle


def _authorization(context: "grpc.aio.ServicerContext[Any, Any]") -> str | None:
    given = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
    if not given:
        return None
    return given[0] if len(given) == 1 and isinstance(given[0], str) else ""


def status_of(error: RegdexError) -> tuple[grpc.StatusCode, str]:
    """Return status and text of an error. An internal error becomes INTERNAL without details."""
    if error.code == "INTERNAL":
        return grpc.StatusCode.INTERNAL, INTERNAL_ERROR
    return grpc.StatusCode[error.code], str(error)


def _trailers(error: RegdexError, request_id: str) -> tuple[tuple[str, str], ...]:
    trailers: tuple[tuple[str, str], ...] = (("request-id", request_id),)
    if isinstance(error, Unavailable):
        trailers += (("retry-after", str(error.retry_after_seconds)),)
    return trailers


def _credentials(cert_file: Path | None, key_file: Path | None) -> grpc.ServerCredentials | None:
    if cert_file is None and key_file is None:
        return None
    if cert_file is None or key_file is None:
        raise Misconfigured("grpc: set both cert_file and key_file, or neither")
    try:
        return grpc.ssl_server_credentials([(key_file.read_bytes(), cert_file.read_bytes())])
    except OSError as error:
        raise Misconfigured(f"grpc: cannot read cert_file and key_file: {error.strerror}") from error


@asynccontextmanager
async def listening(
    operations: Iterable[Operation],
    calls: Calls,
    listen: str,
    *,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    reuse_port: bool = False,
) -> AsyncIterator[tuple[str, HealthServicer]]:
    """Serve at `listen` until the context exits, then wait for running calls.

    Yield the bound address and the health service, on which the caller announces a shutdown first.
    """
    server = grpc.aio.server(
        options=(*OPTIONS, ("grpc.so_reuseport", int(reuse_port))), maximum_concurrent_rpcs=MAX_RPCS
    )
    mounted = handlers(operations, calls)
    server.add_generic_rpc_handlers(tuple(mounted))
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = sorted({f"{PACKAGE}.{operation.service}" for operation in operations})
    for name in names:
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection(
        (*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME),
        server,
    )
    credentials = _credentials(cert_file, key_file)
    try:
        if credentials is not None:
            port = server.add_secure_port(listen, credentials)
        else:
            port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise Misconfigured(f"grpc.listen: cannot listen on {listen}") from error
    await server.start()
    try:
        yield f"{listen.rpartition(':')[0]}:{port}", health
    finally:
        await health.enter_graceful_shutdown()
        await server.stop(STOP_SECONDS)
