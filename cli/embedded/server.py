"""The embedded server: starts or adopts it, restarts it, stops it."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
import structlog

from cli.embedded import cluster
from cli.embedded.configuration import contents
from cli.embedded.identity import last_lines, launch
from cli.embedded.locks import is_held
from cli.embedded.place import Options, Place
from regdex.database import DRIVER_ERRORS, end_if_cancelled
from regdex.errors import RegdexError, Unavailable

_log = structlog.get_logger()
ROLE = DATABASE = "regdex"
# A server that recovers from a crash reads up to max_wal_size of its log first.
START_SECONDS = 300.0
FAST_STOP_SECONDS = 12.0
HARD_STOP_SECONDS = 8.0
POLL_SECONDS = 0.02
MAX_LOG_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PidFile:
    """The contents of `postmaster.pid`, which a running server writes."""

    pid: int
    sockets: Path
    port: int
    ready: bool

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.sockets), safe='')}&port={self.port}"


def read_pid_file(folder: Path) -> PidFile | None:
    """Read `postmaster.pid`. Return None when it is missing or not complete yet."""
    try:
        lines = (folder / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 8:
        return None
    return PidFile(int(lines[0]), Path(lines[4].strip()), int(lines[3]), lines[7].strip() == "ready")


class Server:
    """The server of one place. The caller holds the lock of its data directory."""

    def __init__(self, place: Place, options: Options) -> None:
        self._place = place
        self._options = options

    @property
    def url(self) -> str:
        return PidFile(0, self._place.sockets, 5432, True).url

    async def start(self) -> None:
        """Adopt a server that an earlier Regdex left running, or start one. Raises Misconfigured or Unavailable."""
        try:
            if not await self._adopt():
                await cluster.prepare(self._place, self._options)
                await self._launch()
                await self._wait_until_ready()
            await self._make_database()
        except DRIVER_ERRORS as error:
            raise Unavailable(f"the embedded PostgreSQL does not answer: {error}") from error

    async def stop(self) -> None:
        """Stop the server, with all data written, and wait until it has ended.

        After 12 s, stop it at once; the next start then recovers from the log.
        """
        for number, seconds in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, HARD_STOP_SECONDS)):
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._end(number)
                await asyncio.to_thread(cluster.clear, self._place)
                return
        raise Unavailable("the embedded PostgreSQL does not stop")

    async def keep(self) -> None:
        """Restart the server whenever it has ended, until cancelled."""
        while True:
            await asyncio.sleep(0.2)
            if is_held(self._place.server_lock):
                continue
            _log.warning("the embedded PostgreSQL has ended and is restarted", log=str(self._place.log))
            try:
                await self.start()
            except RegdexError as error:
                end_if_cancelled()
                _log.error("the embedded PostgreSQL does not start", problem=str(error))
                await asyncio.sleep(2)

    async def _adopt(self) -> bool:
        """Take over a running server if its settings are current, else stop it. Return False when none runs."""
        try:
            async with asyncio.timeout(START_SECONDS):
                while is_held(self._place.server_lock):
                    running = self._pid_file()
                    if running and running.ready:
                        if await asyncio.to_thread(self._is_as_wanted) and await self._answers():
                            _log.info("adopted the embedded PostgreSQL", pid=running.pid)
                            return True
                        await self.stop()
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise Unavailable("processes of an earlier embedded PostgreSQL do not end") from None
        return False

    async def _launch(self) -> None:
        place = self._place
        await asyncio.to_thread(self._rotate_log)
        outcome = await launch(
            place.identity,
            [place.binaries.program("postgres"), "-D", place.cluster],
            daemon={"log": str(place.log), "lock": str(place.server_lock)},
        )
        if outcome.code != 0:
            raise Unavailable(f"the embedded PostgreSQL cannot be launched: {last_lines(outcome.output)}")

    async def _wait_until_ready(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while not ((running := self._pid_file()) and running.ready):
                    if not is_held(self._place.server_lock):
                        said = await asyncio.to_thread(self._place.log.read_text, "utf-8", "replace")
                        raise Unavailable(f"the embedded PostgreSQL did not start: {last_lines(said)}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise Unavailable(f"the embedded PostgreSQL is not ready, see {self._place.log}") from None

    async def _end(self, number: signal.Signals) -> None:
        """Send a signal as soon as the pid file names the process, and wait until all its processes have ended."""
        sent = False
        while is_held(self._place.server_lock):
            if not sent and (running := self._pid_file()) and _is_postgres(running.pid):
                with suppress(ProcessLookupError):
                    os.kill(running.pid, number)
                sent = True
            await asyncio.sleep(POLL_SECONDS)

    async def _make_database(self) -> None:
        """Create role and database if missing, with no more rights than Regdex needs on any other PostgreSQL."""
        with suppress(asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError):
            connection = await asyncpg.connect(self.url, timeout=10)
            await connection.close()
            return
        connection = await self._connect_as_superuser()
        try:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = 'regdex'"):
                await connection.execute("CREATE ROLE regdex LOGIN CREATEDB")
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = 'regdex'"):
                await connection.execute("CREATE DATABASE regdex OWNER regdex")
        finally:
            await connection.close()

    async def _connect_as_superuser(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            host=str(self._place.sockets), port=5432, user=cluster.SUPERUSER, database="postgres", timeout=10
        )

    async def _answers(self) -> bool:
        try:
            connection = await self._connect_as_superuser()
        except DRIVER_ERRORS:
            end_if_cancelled()
            return False
        await connection.close()
        return True

    def _is_as_wanted(self) -> bool:
        path = self._place.cluster / "regdex.conf"
        return path.read_bytes() == os.fsencode(contents(self._place, self._options))

    def _pid_file(self) -> PidFile | None:
        return read_pid_file(self._place.cluster)

    def _rotate_log(self) -> None:
        """Start a new log file when the old one is large. The owner of the data owns the log."""
        log = self._place.log
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_name("postgres.log.1"))
        if not log.exists():
            log.touch(mode=0o600)
            cluster.give(log, self._place)


def _is_postgres(pid: int) -> bool:
    """Return whether the process is PostgreSQL. A pid file outlives a killed server, and its id may be used again."""
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").startswith("postgres")
    except OSError:
        return False
