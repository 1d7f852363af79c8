"""PostgreSQL: the pool both processes use, and the migrations."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeAlias

import asyncpg
import orjson
import structlog

from regdex.errors import InvalidArgument, Misconfigured, RegdexError, Unavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Database: TypeAlias = "Connection | Pool"

log = structlog.get_logger()

# Numbers of the session advisory locks, all in one place so that no two are the same.
LOCK_MIGRATIONS = 0x5247_0001
LOCK_PUBLISHER = 0x5247_0002
LOCK_SCHEDULE = 0x5247_0003
LOCK_PARTITIONS = 0x5247_0004
LOCK_FACTS = 0x5247_0005

# What a statement or a connection fails with, by the server's fault or on the way to it.
DRIVER_ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# The connection did not hold. A statement that takes too long is none of these: that may be its own fault.
_LOST_CONNECTION = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError)
# SQLSTATEs of a server in trouble: no resources, an error of the system, a shutdown or a crash, read-only.
_TROUBLE = ("53", "58", "57P", "25006")

MIN_SERVER_VERSION = 150000
READY_SECONDS = 2.0
RELEASE_SECONDS = 1.0


class _Connection(asyncpg.Connection):
    """Given back to the pool as it is: nothing here leaves session state behind, and a reset is a round trip."""

    def get_reset_query(self) -> str:
        return ""


class _Pool(asyncpg.Pool):
    """Gives up a connection whose cancelled statement the server does not confirm; asyncpg would wait for ever.

    One that broke is given back in silence, so that this takes the place of no other error, nor of a CancelledError.
    """

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:
        with contextlib.suppress(*DRIVER_ERRORS):  # it is closed then, and the next one is new
            await super().release(connection, timeout=timeout or RELEASE_SECONDS)


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )


async def connect(
    url: str, *, size: int = 10, statement_timeout_seconds: float = 60, application: str = "regdex"
) -> Pool:
    """Open a pool of `size` connections. Raises Unavailable when the server cannot be reached or is too old."""
    try:
        pool: Pool = await _Pool(
            url,
            min_size=1,
            max_size=size,
            max_queries=50_000,
            loop=None,
            connection_class=_Connection,
            record_class=asyncpg.Record,
            init=_prepare,
            command_timeout=statement_timeout_seconds + 5,
            max_inactive_connection_lifetime=300,
            server_settings={
                "application_name": application,
                "statement_timeout": str(int(statement_timeout_seconds * 1000)),
                "idle_in_transaction_session_timeout": "30000",
                "timezone": "UTC",
                # Statements here are short; compiling one takes longer than running it.
                "jit": "off",
            },
        )
    except (*DRIVER_ERRORS, ValueError) as error:
        raise Unavailable(f"PostgreSQL cannot be reached: {error or type(error).__name__}") from error
    async with pool.acquire() as connection:
        version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    if version < MIN_SERVER_VERSION:
        await pool.close()
        raise Misconfigured(f"database.url: PostgreSQL 15 or newer is needed, this is {version // 10000}")
    return pool


def end_if_cancelled() -> None:
    """For loops that go on after an error. Raises CancelledError where this task has been told to end meanwhile.

    A transaction on a connection that breaks just then fails to be rolled back, and that error takes the place of the
    CancelledError; nobody cancels a second time.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@contextmanager
def outage_logged(event: str, **values: object) -> Iterator[None]:
    """For loops that outlast outages: an error of the driver, or Unavailable, ends the block and not the loop."""
    try:
        yield
    except (*DRIVER_ERRORS, Unavailable) as error:
        end_if_cancelled()
        log.warning(event, error=str(error) if isinstance(error, RegdexError) else type(error).__name__, **values)


async def try_lock(connection: Connection, number: int) -> bool:
    """Take a session advisory lock, if nobody else has it. It ends with the connection, or with `unlock`."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", number))


async def unlock(connection: Connection, number: int) -> None:
    """Raises nothing of the driver's: a connection that cannot unlock any more is closed, and the lock goes with it."""
    try:
        await connection.execute("SELECT pg_advisory_unlock($1)", number)
    except DRIVER_ERRORS:
        with contextlib.suppress(asyncpg.InterfaceError):  # the pool has taken it back
            connection.terminate()


def is_in_trouble(error: BaseException) -> bool:
    """True when the server says that the trouble is its own and not of the statement."""
    return (getattr(error, "sqlstate", None) or "").startswith(_TROUBLE)


def is_away(error: BaseException) -> bool:
    """True when the database cannot be worked with now: whatever was being done is to be done again later."""
    return isinstance(error, _LOST_CONNECTION) or is_in_trouble(error)


def translate(error: BaseException) -> RegdexError | None:
    """What an error of the driver means to whoever asked; None for a fault of ours, whose text stays in the log."""
    if isinstance(error, asyncpg.NumericValueOutOfRangeError | asyncpg.DivisionByZeroError):
        return None  # of a sum or a quotient over rows; values of callers are refused before they are sent
    if isinstance(error, asyncpg.DataError):
        return InvalidArgument("a value cannot be stored or compared")
    if is_away(error) or isinstance(
        error,
        asyncpg.OperatorInterventionError
        | asyncpg.LockNotAvailableError
        | asyncpg.TransactionRollbackError
        | asyncpg.IdleInTransactionSessionTimeoutError,
    ):
        return Unavailable("the database cannot answer now")
    return None


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file; applied once, in order, each in a transaction of its own."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All that this release knows, oldest first."""
    found = [
        Migration(int(entry.name[:4]), entry.name[5:].removesuffix(".sql"), entry.read_text("utf-8"))
        for entry in resources.files("regdex.migrations").iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.version)


async def applied(db: Database) -> dict[int, str]:
    """Version → checksum of what the database has; empty for a new one."""
    if await db.fetchval("SELECT to_regclass('schema_migration')") is None:
        return {}
    return {
        row["version"]: row["checksum"]
        for row in await db.fetch("SELECT version, checksum FROM schema_migration ORDER BY version")
    }


async def upgrade(db: Pool) -> list[Migration]:
    """Apply what is missing, under an advisory lock: of two at once, one waits and then finds nothing to do.

    Raises Misconfigured when an applied file has changed, or the database is newer than this release.
    """
    async with _migration_lock(db) as connection:
        await connection.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migration (
                version     integer PRIMARY KEY,
                name        text NOT NULL,
                checksum    text NOT NULL,
                applied_at  timestamptz NOT NULL DEFAULT now()
            )
            """
        )
        have = await applied(connection)
        _refuse_newer(have)
        missing = _missing(have)
        for migration in missing:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '10s'")
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migration (version, name, checksum) VALUES ($1, $2, $3)",
                    migration.version,
                    migration.name,
                    migration.checksum,
                )
    return missing


async def check_current(db: Database) -> None:
    """Misconfigured unless the database has exactly what this release knows: what a start needs."""
    have = await applied(db)
    _refuse_newer(have)
    _check_has_all(have)


def _check_has_all(have: dict[int, str]) -> None:
    missing = _missing(have)
    if missing:
        raise Misconfigured(f"the database lacks {len(missing)} migrations: run `regdex db upgrade`")


async def check_ready(db: Database) -> None:
    """Misconfigured unless the database has all that this release knows; Unavailable when it does not answer in time.

    A newer one is fine: the next release's migrations work with this release's code, so that processes go on answering
    while they are replaced one by one.
    """
    try:
        async with asyncio.timeout(READY_SECONDS):
            _check_has_all(await applied(db))
    except RegdexError:
        raise
    except Exception as error:
        raise Unavailable("the database cannot answer now") from error


def _missing(have: dict[int, str]) -> list[Migration]:
    known = migrations()
    for migration in known:
        if have.get(migration.version, migration.checksum) != migration.checksum:
            raise Misconfigured(
                f"migration {migration.version:04d} was applied with other content than this release has"
            )
    return [migration for migration in known if migration.version not in have]


def _refuse_newer(have: dict[int, str]) -> None:
    newest = migrations()[-1].version
    if have and max(have) > newest:
        raise Misconfigured(
            f"the database is at migration {max(have):04d}, newer than this release ({newest:04d}): upgrade Regdex"
        )


@asynccontextmanager
async def _migration_lock(db: Pool) -> AsyncIterator[Connection]:
    async with db.acquire() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_MIGRATIONS)
        try:
            yield connection
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_MIGRATIONS)
            await connection.execute("RESET statement_timeout")
