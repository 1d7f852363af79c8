"""Calls of operations, the same for both transports: authentication, validation, deadlines, errors and metrics."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog
from prometheus_client import Histogram

from regdex import database
from regdex.errors import InvalidArgument, RegdexError, Unavailable
from regdex.telemetry import REQUESTS
from service.auth import Gate
from service.caller import Caller
from service.catalog.versions import read_stamp
from service.context import Context
from service.etags import Stamp, Stamped, etag_of_version
from service.models.message import Request, read_request
from service.operations import Operation

log = structlog.get_logger()

# Less than the ten seconds that clients wait, and more than the five that a statement may take.
MAX_SECONDS = 8.0
MAX_CONCURRENT = 256
SWEEP_SECONDS = 0.1
INTERNAL_ERROR = "internal error; see the log of the service"


class Reply(NamedTuple):
    """The answer of a call. `content` is empty when `is_known`: the caller already has the answer.

    Only answers of versioned operations have a stamp and an entity tag.
    """

    content: dict[str, Any]
    stamp: Stamp | None = None
    etag: str = ""
    is_known: bool = False


class Calls:
    """Runs the calls of one transport, at most `MAX_CONCURRENT` at a time; more of them raise Unavailable."""

    def __init__(self, transport: str, context: Context, gate: Gate) -> None:
        self._transport = transport
        self._context = context
        self._gate = gate
        # Deadline by task. One timer checks all of them, because a timer for each would cost as much as validation.
        self._deadlines: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._sweeping = False
        self._timers: dict[tuple[str, str], Histogram] = {}

    async def is_open(self) -> bool:
        """See `Gate.is_open`."""
        return await self._gate.is_open()

    async def admit(
        self, operation: Operation, authorization: str | None, *, local: bool = True, basic: bool = False
    ) -> Caller:
        """Return the caller, who must have the operation's scope. For `local` and `basic` see `Gate.admit`."""
        caller = await self._gate.admit(authorization, local=local, basic=basic)
        caller.require(operation.scope)
        return caller

    async def run(
        self,
        operation: Operation,
        caller: Caller,
        fields: dict[str, Any],
        *,
        is_known: Callable[[str], bool] | None = None,
        seconds: float = MAX_SECONDS,
    ) -> Reply:
        """Validate `fields`, run the operation and return its reply. Every error raised is a RegdexError.

        `is_known` returns whether the caller already has the answer with a given entity tag.
        """
        request = read_request(operation.request, fields)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine
        if len(self._deadlines) >= MAX_CONCURRENT:
            raise Unavailable("too many requests at once")
        self._deadlines[task] = time.monotonic() + seconds
        if not self._sweeping:
            self._sweep()
        try:
            return await self._answer(operation, caller, request, is_known)
        except RegdexError:
            raise
        except asyncio.CancelledError:
            if task not in self._overdue or task.uncancel() > 0:
                raise
            raise explain(TimeoutError(), operation.rpc) from None
        except Exception as error:
            raise explain(error, operation.rpc) from error
        finally:
            del self._deadlines[task]
            self._overdue.discard(task)

    async def _answer(
        self, operation: Operation, caller: Caller, request: Request, is_known: Callable[[str], bool] | None
    ) -> Reply:
        if is_known is not None and operation.versioned:
            stamp = await read_stamp(self._context.db, caller, request)
            if stamp is not None and is_known(etag := etag_of_version(operation.rpc, caller, request, stamp)):
                return Reply({}, stamp, etag, is_known=True)
        answer = await operation.run(self._context, caller, request)
        if not isinstance(answer, Stamped):
            return Reply(answer)
        content, stamp = answer
        return Reply(content, stamp, etag_of_version(operation.rpc, caller, request, stamp))

    def _sweep(self) -> None:
        """Cancel the calls that are past their deadline, and repeat this every `SWEEP_SECONDS` while any call runs."""
        now = time.monotonic()
        for task, deadline in self._deadlines.items():
            if deadline < now and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._sweeping = bool(self._deadlines)
        if self._sweeping:
            asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def observe(self, route: str, code: str, began: float) -> None:
        """Record an answer in the metrics. `began` is `time.perf_counter()` at the start of the request."""
        timer = self._timers.get((route, code))
        if timer is None:
            timer = self._timers[route, code] = REQUESTS.labels(self._transport, route, code)
        timer.observe(time.perf_counter() - began)


def explain(error: Exception, where: str) -> RegdexError:
    """Return the RegdexError to answer with. An unexpected error becomes `INTERNAL`, and its traceback is logged."""
    if isinstance(error, RegdexError):
        return error
    known = database.translate(error)
    if known is None:
        log.error("call failed", operation=where, exc_info=error)
        return RegdexError(INTERNAL_ERROR)
    if isinstance(known, InvalidArgument):
        log.warning("the database rejected a value", operation=where, error=type(error).__name__)
    else:
        log.warning("a dependency is unavailable", operation=where, error=type(error).__name__, reason=str(error)[:200])
    return known
