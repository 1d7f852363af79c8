"""Migrations: applied once, in order, by one at a time; a changed or newer database is refused. What errors mean."""

import asyncio

import asyncpg
import pytest

from regdex import database
from regdex.errors import Misconfigured, Unavailable


async def test_upgrading_twice_does_nothing_the_second_time(db: database.Pool) -> None:
    assert await database.upgrade(db) == []
    await database.check_current(db)


async def test_two_migrators_at_once_apply_everything_once(db: database.Pool) -> None:
    await db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    done = await asyncio.gather(database.upgrade(db), database.upgrade(db))

    assert sorted(len(migrations) for migrations in done) == [0, len(database.migrations())]


async def test_a_newer_database_is_refused(db: database.Pool) -> None:
    await db.execute("INSERT INTO schema_migration (version, name, checksum) VALUES (9999, 'future', 'x')")

    with pytest.raises(Misconfigured, match="9999"):
        await database.upgrade(db)


async def test_a_running_process_stays_ready_while_the_next_release_upgrades(db: database.Pool) -> None:
    await db.execute("INSERT INTO schema_migration (version, name, checksum) VALUES (9999, 'future', 'x')")

    await database.check_ready(db)
    with pytest.raises(Misconfigured, match="9999"):
        await database.check_current(db)


async def test_a_changed_migration_is_refused(db: database.Pool) -> None:
    await db.execute("UPDATE schema_migration SET checksum = 'x' WHERE version = 1")

    with pytest.raises(Misconfigured, match="0001"):
        await database.check_current(db)


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.ConnectionDoesNotExistError("gone"), True),
        (asyncpg.TooManyConnectionsError("full"), True),
        (asyncpg.DiskFullError("full"), True),
        (asyncpg.PostgresIOError("disk"), True),
        (asyncpg.CrashShutdownError("killed"), True),
        (asyncpg.ReadOnlySQLTransactionError("standby"), True),
        (asyncpg.QueryCanceledError("statement timeout"), False),
        (asyncpg.DeadlockDetectedError("deadlock"), False),
        (asyncpg.DivisionByZeroError("ours"), False),
        (ValueError("ours"), False),
    ],
)
def test_away_is_what_no_statement_is_at_fault_for(error: Exception, is_away: bool) -> None:
    assert database.is_away(error) is is_away
    if is_away:
        assert isinstance(database.translate(error), Unavailable)
