"""Kills of any process at any time: the next start has everything that was committed."""

import asyncio
import os
from pathlib import Path

import asyncpg

from cli import embedded
from regdex.database import DRIVER_ERRORS
from tests.cli.embedded.conftest import QUICK, StartParent, execute, kill_server, server_pid, until


async def test_a_server_whose_regdex_was_killed_is_adopted(data_dir: Path, start_parent: StartParent) -> None:
    async with start_parent(data_dir) as parent:
        connection = await asyncpg.connect(parent.said)
        await connection.execute("CREATE TABLE note AS SELECT 42 AS answer")
        pid = server_pid(data_dir)
        await parent.kill()
        assert await connection.fetchval("SELECT answer FROM note") == 42

    async with embedded.running(data_dir) as url:
        assert server_pid(data_dir) == pid
        assert await connection.fetchval("SELECT answer FROM note") == 42
        assert await execute(url, "SELECT answer FROM note") == 42
        await connection.close()


async def test_an_adopted_server_that_differs_from_what_is_wanted_is_replaced(
    data_dir: Path, start_parent: StartParent
) -> None:
    async with start_parent(data_dir) as parent:
        pid = server_pid(data_dir)
        await parent.kill()

    async with embedded.running(data_dir, options=embedded.Options(durable=False)) as url:
        assert server_pid(data_dir) != pid
        assert await execute(url, "SHOW fsync") == "off"


async def test_a_killed_server_is_started_again_with_all_that_was_committed(data_dir: Path) -> None:
    async with embedded.running(data_dir) as url:
        await execute(url, "CREATE TABLE note AS SELECT 42 AS answer")
        await kill_server(data_dir)
        async with asyncio.timeout(20):
            while True:
                try:
                    assert await execute(url, "SELECT answer FROM note") == 42
                    break
                except (OSError, asyncpg.CannotConnectNowError):
                    await asyncio.sleep(0.02)


async def test_it_stops_in_the_midst_of_starting_a_killed_server_again(data_dir: Path) -> None:
    """Regdex checks every 0.2 s whether the server runs; it is up a moment later."""
    for pause in (0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7):
        async with asyncio.timeout(20):
            async with embedded.running(data_dir, options=QUICK):
                await kill_server(data_dir)
                await asyncio.sleep(pause)
            assert embedded.connect_url(data_dir) is None


async def test_server_and_regdex_killed_together_recover(data_dir: Path, start_parent: StartParent) -> None:
    async with start_parent(data_dir) as parent:
        await execute(parent.said, "CREATE TABLE note AS SELECT 42 AS answer")
        await parent.kill()
        await kill_server(data_dir)
    assert embedded.connect_url(data_dir) is None

    async with embedded.running(data_dir) as url:
        assert await execute(url, "SELECT answer FROM note") == 42


async def test_a_pid_file_that_names_another_living_program_is_no_obstacle(
    data_dir: Path, start_parent: StartParent
) -> None:
    async with start_parent(data_dir) as parent:
        await execute(parent.said, "CREATE TABLE note AS SELECT 42 AS answer")
        await parent.kill()
        await kill_server(data_dir)
    pid_file = data_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    pid_file.write_text("\n".join([str(bystander.pid), *lines[1:], ""]))

    async with embedded.running(data_dir) as url:
        assert await execute(url, "SELECT answer FROM note") == 42

    assert bystander.returncode is None
    bystander.kill()
    await bystander.wait()


async def test_an_interrupted_first_start_is_done_again(data_dir: Path) -> None:
    unfinished = data_dir / "postgres.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    async with embedded.running(data_dir) as url:
        assert await execute(url, "SELECT 1") == 1
    assert not unfinished.exists()


async def test_a_dropped_database_is_made_again_empty(data_dir: Path) -> None:
    """A dump has to be restored into it."""
    async with embedded.running(data_dir) as url:
        await execute(url, "CREATE TABLE note ()")
        await execute(url.replace("/regdex?", "/postgres?"), "DROP DATABASE regdex")
    async with embedded.running(data_dir) as url:
        assert await execute(url, "SELECT to_regclass('note')") is None


async def test_many_kills_of_the_server_lose_nothing_that_was_committed(data_dir: Path) -> None:
    committed: list[int] = []

    async def write(url: str) -> None:
        while len(committed) < 300:
            try:
                connection = await asyncpg.connect(url, timeout=5)
                try:
                    while len(committed) < 300:
                        number = await connection.fetchval(
                            "INSERT INTO line DEFAULT VALUES RETURNING number", timeout=5
                        )
                        committed.append(number)
                        await asyncio.sleep(0.005)
                finally:
                    connection.terminate()
            except DRIVER_ERRORS:
                await asyncio.sleep(0.01)

    async with embedded.running(data_dir) as url:
        await execute(url, "CREATE TABLE line (number bigint GENERATED ALWAYS AS IDENTITY)")
        writer = asyncio.create_task(write(url))
        for wanted in (50, 120, 200):
            await until(lambda wanted=wanted: len(committed) >= wanted)  # type: ignore[misc]
            os.kill(server_pid(data_dir), 9)
        async with asyncio.timeout(60):
            await writer
        stored = await execute(url, "SELECT array_agg(number ORDER BY number) FROM line")

    assert isinstance(stored, list)
    assert set(committed) <= set(stored)
