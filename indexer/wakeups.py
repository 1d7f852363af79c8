"""Wake-ups: one LISTEN connection that announces new work before the next poll finds it.

A wake-up may be lost, with its connection or in a pooler that does not pass it on, so every waiter also polls at least
once a second.
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
    """Ends each `wait` for a channel when the channel is notified, from another process or by `set` in this one."""

    def __init__(self, db: Pool, channels: Iterable[str] = (INBOX, OUTBOX, FETCH, BACKFILL)) -> None:
        self._db = db
        self._events = {channel: asyncio.Event() for channel in channels}

    def set(self, channel: str) -> None:
        """End the current waits for `channel`, or the next one if there is none."""
        self._events[channel].set()

    async def wait(self, channel: str, timeout_seconds: float = POLL_SECONDS) -> bool:
        """Return True at a wake-up, False after the timeout; at once if one came since the last wait."""
        event = self._events[channel]
        if not await wait_until_set(event, timeout_seconds):
            return False
        event.clear()
        return True

    async def run(self) -> None:
        """Listen until cancelled, reconnecting; wake all channels after each connect, for missed notifications."""
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
        """Stop listening; close the connection if that fails, because the pool refuses connections that listen."""
        try:
            for channel in self._events:
                await connection.remove_listener(channel, listener)
        except DRIVER_ERRORS:
            connection.terminate()
            raise
