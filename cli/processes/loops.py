"""The event loop of every process: signals, shutdown, garbage collection."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable

import structlog

from regdex.errors import RegdexError

log = structlog.get_logger()

STOP_SECONDS = 25.0
# Python's default of 700 starts several collections per batch that free nothing and take a third of the worker's time.
OBJECTS_BETWEEN_COLLECTIONS = 20_000


def run_until_stopped(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main` with an event that SIGINT, SIGTERM and SIGHUP (the terminal is closed) set.

    `main` then has 25 seconds to end; a second signal cancels it at once. Under nohup, SIGHUP is ignored.
    """

    async def supervised() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(main(stop))

        def handle_signal() -> None:
            if stop.is_set():
                task.cancel()
                return
            stop.set()
            loop.call_later(STOP_SECONDS, task.cancel)

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, handle_signal)
        try:
            await task
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
            log.error("not everything stopped in time")

    try:
        with runner() as running:
            running.run(supervised())
    except BaseExceptionGroup as group:
        raise _first_error(group) from group


def runner() -> asyncio.Runner:
    """Return a runner with uvloop, and make garbage collections rarer and smaller."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 50)
    return asyncio.Runner(loop_factory=_loop_factory())


def _first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first RegdexError in a group, since it has a message for people; without one, the group itself."""
    for error in group.exceptions:
        found = _first_error(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, RegdexError):
            return found
    return group


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's factory if uvloop is installed (about twice as fast here), else that of asyncio."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
