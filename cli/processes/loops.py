"""Running a process until it is told to stop: event loop, signals, exit."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable

import structlog

from regdex.errors import RegdexError

log = structlog.get_logger()

STOP_SECONDS = 25.0
# Python's own 700 makes a pass over the heap several times a batch, and finds nothing: a third of the worker's time.
OBJECTS_BETWEEN_PASSES = 20_000


def run_until_stopped(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main` with an event that SIGINT, SIGTERM and a closed terminal set.

    It then has 25 seconds; a second signal ends it at once. Under nohup a closed terminal is nothing.
    """

    async def supervised() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(main(stop))

        def asked() -> None:
            if stop.is_set():
                task.cancel()
                return
            stop.set()
            loop.call_later(STOP_SECONDS, task.cancel)

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, asked)
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
    """What every process runs in: uvloop, and a garbage collector that passes less often over less."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_PASSES, 20, 50)
    return asyncio.Runner(loop_factory=_loop_factory())


def _first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of ours in a task group's end: that one has a line for people; else the group itself."""
    for error in group.exceptions:
        found = _first_error(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, RegdexError):
            return found
    return group


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where it is to be had: about twice as fast here."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
