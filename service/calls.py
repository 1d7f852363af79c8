"""One call of an operation, the same for both transports: who asks, may they, what did they send, run, what failed."""

import asyncio
import time
from typing import Any

import structlog
from prometheus_client import Histogram

from regdex import database
from regdex.caller import Caller
from regdex.errors import InvalidArgument, RegdexError, Unavailable
from regdex.models.message import read_request
from regdex.telemetry import REQUESTS
from service.auth import Gate
from service.context import Context
from service.operations import Operation

log = structlog.get_logger()

# Inside a client's ten seconds and outside the five of a statement.
LONGEST_SECONDS = 8.0
MOST_AT_ONCE = 256


class Calls:
    """All calls of one transport. Over `MOST_AT_ONCE` at once the next one is told to come back."""

    def __init__(self, transport: str, context: Context, gate: Gate) -> None:
        self._transport = transport
        self._context = context
        self._gate = gate
        self._running = 0
        self._timers: dict[tuple[str, str], Histogram] = {}

    async def is_open(self) -> bool:
        """As of `Gate.is_open`."""
        return await self._gate.is_open()

    async def admit(
        self, operation: Operation, authorization: str | None, *, local: bool = True, basic: bool = False
    ) -> Caller:
        """The caller, if the operation's scope is theirs; `local` and `basic` as of `Gate.admit`."""
        caller = await self._gate.admit(authorization, local=local, basic=basic)
        caller.require(operation.scope)
        return caller

    async def run(
        self, operation: Operation, caller: Caller, fields: dict[str, Any], *, seconds: float = LONGEST_SECONDS
    ) -> dict[str, Any]:
        """The answer as the operation's response message has it; any error that is raised is a RegdexError."""
        request = read_request(operation.request, fields)
        if self._running >= MOST_AT_ONCE:
            raise Unavailable("too many requests at once")
        self._running += 1
        try:
            async with asyncio.timeout(seconds):
                return await operation.run(self._context, caller, request)
        except RegdexError:
            raise
        except Exception as error:
            raise explain(error, operation.rpc) from error
        finally:
            self._running -= 1

    def observe(self, route: str, code: str, began: float) -> None:
        """Count an answer; `began` is `time.perf_counter()` when the request came."""
        timer = self._timers.get((route, code))
        if timer is None:
            timer = self._timers[route, code] = REQUESTS.labels(self._transport, route, code)
        timer.observe(time.perf_counter() - began)


def explain(error: Exception, where: str) -> RegdexError:
    """What a caller is told of an unexpected error: to retry, or nothing; the log gets the traceback."""
    if isinstance(error, RegdexError):
        return error
    known = database.translate(error)
    if known is None:
        log.error("call failed", operation=where, exc_info=error)
        return RegdexError("internal error")
    if isinstance(known, InvalidArgument):
        log.warning("value refused by the database", operation=where, error=type(error).__name__)
    else:
        log.warning("dependency away", operation=where, error=type(error).__name__, reason=str(error)[:200])
    return known
