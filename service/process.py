"""The service process: serves REST and gRPC from one database, and shuts both down in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from regdex import database
from regdex.database import Pool
from regdex.network.monitoring import Door, monitoring
from regdex.search import SearchIndex
from regdex.settings import Settings
from regdex.telemetry import INSECURE
from service import auth
from service.auth import Gate, KeyRing
from service.calls import Calls
from service.context import Context
from service.doors.names import registry_of_host
from service.doors.table import DOORS
from service.operations import OPERATIONS
from service.rest.api import Api
from service.rest.doors import Doors
from service.rest.pages import pages
from service.rest.server import listening as listening_rest
from service.rest.server import tls_context
from service.rpc.server import listening as listening_rpc

log = structlog.get_logger()

# Statement timeout of this process's pool. A statement that takes longer is a fault, and its caller has given up.
STATEMENT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """The bound addresses, as `host:port`. `metrics` is empty when this process does not serve metrics."""

    rest: str
    grpc: str
    metrics: str = ""


@asynccontextmanager
async def serving(
    settings: Settings,
    db: Pool,
    search: SearchIndex | None,
    *,
    insecure_no_auth: bool = False,
    metrics_listen: str = "",
    reuse_port: bool = False,
    drain_seconds: float = 0.0,
) -> AsyncIterator[Addresses]:
    """Serve until the context exits. Raise Misconfigured when other machines could call an address without a key.

    On exit the process reports not ready for `drain_seconds`, so that load balancers stop sending requests, and then
    waits for running calls. Both together must take at most 25 s.
    """
    for section, listen in (("rest", settings.rest.listen), ("grpc", settings.grpc.listen)):
        await auth.check_listen(db, section, listen, insecure_no_auth=insecure_no_auth)
    INSECURE.set(insecure_no_auth)
    context = Context(
        db,
        search,
        official_projects=frozenset(settings.search.official_projects),
        facet_labels=frozenset(settings.search.facet_labels),
    )
    ring = KeyRing(db)
    door = Door(lambda: database.check_ready(db))

    def calls(transport: str, listen: str) -> Calls:
        gate = Gate(ring, open_without_keys=auth.is_loopback(listen), open_to_all=insecure_no_auth)
        return Calls(transport, context, gate)

    tls = tls_context("rest", settings.rest.cert_file, settings.rest.key_file)
    rest_calls = calls("rest", settings.rest.listen)
    api = Api(
        OPERATIONS,
        rest_calls,
        pages(OPERATIONS, door),
        doors=Doors(DOORS, rest_calls, partial(registry_of_host, db), secure=tls is not None),
        cors_origins=settings.rest.cors_origins,
        secure=tls is not None,
    )
    async with AsyncExitStack() as stack:
        metrics = await stack.enter_async_context(monitoring(metrics_listen, door)) if metrics_listen else ""
        rest_address = await stack.enter_async_context(
            listening_rest(api, settings.rest.listen, tls=tls, reuse_port=reuse_port)
        )
        grpc_address, health = await stack.enter_async_context(
            listening_rpc(
                OPERATIONS,
                calls("grpc", settings.grpc.listen),
                settings.grpc.listen,
                cert_file=settings.grpc.cert_file,
                key_file=settings.grpc.key_file,
                reuse_port=reuse_port,
            )
        )
        door.open()
        log.info("serving", rest=rest_address, grpc=grpc_address, metrics=metrics)
        try:
            yield Addresses(rest_address, grpc_address, metrics)
        finally:
            door.close()
            await health.enter_graceful_shutdown()
            await asyncio.sleep(drain_seconds)
