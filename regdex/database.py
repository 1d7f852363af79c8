"""PostgreSQL: the connection pool, driver errors, advisory locks and migrations."""

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

# Keys of the session advisory locks. They are kept together so that no key is used twice.
LOCK_MIGRATIONS = 0x5247_0001
LOCK_PUBLISHER = 0x5247_0002
LOCK_SCHEDULE = 0x5247_0003
LOCK_PARTITIONS = 0x5247_0004
LOCK_FACTS = 0x5247_0005

# Every error that a statement or a connection can raise, including network errors.
DRIVER_ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# The connection was lost. A statement timeout is not included: the statement itself may be the cause.
_LOST_CONNECTION = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError)
# Beginnings of SQLSTATEs of a server in trouble: out of resources, system error, shutdown or crash, read-only.
_TROUBLE = ("53", "58", "57P", "25006")

MIN_SERVER_VERSION = 150000
READY_SECONDS = 2.0
RELEASE_SECONDS = 1.0


class _Connection(asyncpg.Connection):
    """Returns to the pool without a reset: no code here leaves session state behind, and a reset costs a round trip."""

    def get_reset_query(self) -> str:
        return ""


class _Pool(asyncpg.Pool):
    """Closes a connection if the server does not confirm a cancelled statement in time; asyncpg would wait for ever.

    Releasing a broken connection raises nothing, so that it never replaces the original error or a CancelledError.
    """

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:
        with contextlib.suppress(*DRIVER_ERRORS):  # the pool then closes it and opens another one
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
    """Open a pool of `size` connections.

    Raise Unavailable when the server cannot be reached, Misconfigured when it is older than PostgreSQL 15.
    """
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
                # Statements are short: compiling one would take longer than running it.
                "jit": "off",
            },
        )
    except (*DRIVER_ERRORS, ValueError) as error:
        raise Unavailable(f"PostgreSQL cannot be reached: {error or type(error).__name__}") from error
    async with pool.acquire() as connection:
        version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    if version < MIN_SERVER_VERSION:
        await pool.close()
        raise Misconfigured(f"database.url: PostgreSQL 15 or newer is needed, found {version // 10000}")
    return pool


def end_if_cancelled() -> None:
    """Raise CancelledError if this task was cancelled. Loops that continue after an error call this first.

    If a connection breaks while its task is being cancelled, the failed rollback raises an error that replaces the
    CancelledError. Without this check the loop would continue, because nobody cancels a second time.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@contextmanager
def outage_logged(event: str, **values: object) -> Iterator[None]:
    """Log a driver error or Unavailable and end the block normally, so that a loop around it continues."""
    try:
        yield
    except (*DRIVER_ERRORS, Unavailable) as error:
        end_if_cancelled()
        log.warning(event, error=str(error) if isinstance(error, RegdexError) else type(error).__name__, **values)


async def try_lock(connection: Connection, number: int) -> bool:
    """Take a session advisory lock if it is free; return whether it was. It ends with the session or with `unlock`."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", number))


async def unlock(connection: Connection, number: int) -> None:
    """Release an advisory lock. If that fails, close the connection, which also releases it; raise no driver error."""
    try:
        await connection.execute("SELECT pg_advisory_unlock($1)", number)
    except DRIVER_ERRORS:
        with contextlib.suppress(asyncpg.InterfaceError):  # the connection is already back in the pool
            connection.terminate()


def is_in_trouble(error: BaseException) -> bool:
    """Return whether the server reported a problem of its own, not of the statement."""
    return (getattr(error, "sqlstate", None) or "").startswith(_TROUBLE)


def is_away(error: BaseException) -> bool:
    """Return whether the database is unavailable, so that the work should be retried later."""
    return isinstance(error, _LOST_CONNECTION) or is_in_trouble(error)


def translate(error: BaseException) -> RegdexError | None:
    """Return the error to send to the client; None for a bug in Regdex, whose text is only logged."""
    if isinstance(error, asyncpg.NumericValueOutOfRangeError | asyncpg.DivisionByZeroError):
        return None  # from a sum or quotient over rows; values sent by clients are checked before the query
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
    """A numbered SQL file. Each is applied once, in order, in a transaction of its own."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return all migrations of this release, oldest first."""
    found = [
        Migration(int(entry.name[:4]), entry.name[5:].removesuffix(".sql"), entry.read_text("utf-8"))
        for entry in resources.files("regdex.migrations").iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.version)


async def applied(db: Database) -> dict[int, str]:
    """Return version → checksum of the applied migrations; empty for a new database."""
    if await db.fetchval("SELECT to_regclass('schema_migration')") is None:
        return {}
    return {
        row["version"]: row["checksum"]
        for row in await db.fetch("SELECT version, checksum FROM schema_migration ORDER BY version")
    }


async def upgrade(db: Pool) -> list[Migration]:
    """Apply the missing migrations and return them. An advisory lock makes a second process wait.

    Raise Misconfigured when an applied file has changed, or when the database is newer than this release.
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
    """Raise Misconfigured unless the database has exactly the migrations of this release. Called at start."""
    have = await applied(db)
    _refuse_newer(have)
    _check_has_all(have)


def _check_has_all(have: dict[int, str]) -> None:
    missing = _missing(have)
    if missing:
        raise Misconfigured(f"the database lacks {len(missing)} migrations: run `regdex db upgrade`")


async def check_ready(db: Database) -> None:
    """Raise Misconfigured if migrations of this release are missing, Unavailable if there is no answer within 2 s.

    A newer database is accepted: this release's code works with the next release's migrations, so that processes stay
    ready while they are replaced one by one.
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
                f"migration {migration.version:04d} was applied with different content; its file must not change"
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
