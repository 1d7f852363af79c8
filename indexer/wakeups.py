"""Wake-ups: one LISTEN connection that says there may be something to do, sooner than the next poll would find it.

A wake-up is a hint and may be lost, with its connection or in a pooler that does not pass it on: whoever waits here
also looks by itself, at least once a second.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import asyncpg

from regdex.database import DRIVER_ERRORS, Pool, outage_logged
from regdex.times import wait_until_set

POLL_SECONDS = 1.0
RECONNECT_SECONDS = 1.0

INBOX = "regdex_inbox"
OUTBOX = "regdex_outbox"
FETCH = "regdex_fetch"
BACKFILL = "regdex_backfill"


class Wakeups:
    """Wakes those who `wait` for a channel when it is notified, from another process or by `set` in this one."""

    def __init__(self, db: Pool, channels: Iterable[str] = (INBOX, OUTBOX, FETCH, BACKFILL)) -> None:
        self._db = db
        self._events = {channel: asyncio.Event() for channel in channels}

    def set(self, channel: str) -> None:
        """Wake all who wait now, or else the next who will."""
        self._events[channel].set()

    async def wait(self, channel: str, timeout_seconds: float = POLL_SECONDS) -> bool:
        """Return at a wake-up, True, or after the timeout, False; at once when one came since the last wait."""
        event = self._events[channel]
        if not await wait_until_set(event, timeout_seconds):
            return False
        event.clear()
        return True

    async def run(self) -> None:
        """Listen until cancelled, reconnecting; everybody is woken after each connect, for what was missed."""
        while True:
            with outage_logged("wake-ups interrupted"):
                async with self._db.acquire(timeout=RECONNECT_SECONDS * 5) as connection:
                    await self._listen(connection)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> None:
        lost = asyncio.Event()

        def on_termination(_: Any) -> None:
            lost.set()

        def on_notification(_: Any, __: int, channel: str, ___: object) -> None:
            self.set(channel)

        connection.add_termination_listener(on_termination)
        try:
            for channel in self._events:
                await connection.add_listener(channel, on_notification)
            for channel in self._events:
                self.set(channel)
            await lost.wait()
        finally:
            if not lost.is_set():
                await self._stop_listening(connection, on_notification)
                connection.remove_termination_listener(on_termination)

    async def _stop_listening(
        self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", listener: Callable[..., None]
    ) -> None:
        """A connection that cannot be told so any more is closed: the pool takes none back that listens."""
        try:
            for channel in self._events:
                await connection.remove_listener(channel, listener)
        except DRIVER_ERRORS:
            connection.terminate()
            raise
