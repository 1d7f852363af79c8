"""The embedded server in normal use: created, started, used, stopped, started again."""

import asyncio
import stat
import time
from pathlib import Path

import asyncpg
import pytest
import uvloop

from cli import embedded
from cli.embedded.identity import Identity, Outcome, launch
from cli.embedded.locks import is_held
from regdex import database
from regdex.errors import Misconfigured
from tests.cli.embedded.conftest import QUICK, StartParent, execute


async def test_what_was_written_is_there_after_the_next_start(data_dir: Path) -> None:
    async with embedded.running(data_dir) as url:
        await execute(url, "CREATE TABLE note AS SELECT 42 AS answer")
    assert not is_held(data_dir / "postgres.lock")

    async with embedded.running(data_dir) as url:
        assert await execute(url, "SELECT answer FROM note") == 42


async def test_second_start_takes_less_than_a_second(data_dir: Path) -> None:
    async with embedded.running(data_dir):
        pass
    began = time.monotonic()
    async with embedded.running(data_dir):
        assert time.monotonic() - began < 1


async def test_server_is_version_18_durable_and_without_network(data_dir: Path) -> None:
    async with embedded.running(data_dir) as url:
        shown = {
            name: await execute(url, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "data_checksums")
        }
        version = await execute(url, "SHOW server_version_num")

    assert int(str(version)) // 10000 == 18
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "data_checksums": "on",
    }


async def test_regdex_works_there_without_being_superuser(data_dir: Path) -> None:
    async with embedded.running(data_dir, options=QUICK) as url:
        assert await execute(url, "SHOW is_superuser") == "off"
        pool = await database.connect(url, size=2)
        await database.upgrade(pool)
        await database.check_current(pool)
        await pool.close()


async def test_names_of_every_script_change_case(data_dir: Path) -> None:
    async with embedded.running(data_dir, options=QUICK) as url:
        assert await execute(url, "SELECT lower('ÄÖ ДЖ ΣΑ')") == "äö дж σα"


async def test_only_the_owner_can_enter_data_and_socket(data_dir: Path) -> None:
    async with embedded.running(data_dir, options=QUICK):
        modes = modes_in(data_dir)

    assert modes.pop("run") == modes.pop("postgres") == 0o700
    assert all(mode & 0o077 == 0 for mode in modes.values())


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_another_process_finds_the_running_server(data_dir: Path, start_parent: StartParent) -> None:
    assert embedded.connect_url(data_dir) is None
    async with start_parent(data_dir) as parent:
        assert embedded.connect_url(data_dir) == parent.said
        assert await execute(parent.said, "SELECT 1") == 1
    assert embedded.connect_url(data_dir) is None


async def test_a_second_regdex_is_refused_and_told_of_the_first(data_dir: Path, start_parent: StartParent) -> None:
    async with start_parent(data_dir) as parent:
        with pytest.raises(Misconfigured, match=f"in use by another Regdex .process {parent.process.pid}."):
            async with embedded.running(data_dir):
                pytest.fail("two Regdexes on one data directory")
        assert await execute(parent.said, "SELECT 1") == 1


async def test_own_settings_in_postgresql_conf_win_and_survive(data_dir: Path) -> None:
    async with embedded.running(data_dir, options=QUICK):
        pass
    with (data_dir / "postgres" / "postgresql.conf").open("a") as file:
        file.write("work_mem = 5MB\n")
    async with embedded.running(data_dir, options=QUICK) as url:
        assert await execute(url, "SHOW work_mem") == "5MB"


async def test_stop_does_not_wait_for_clients(data_dir: Path) -> None:
    began = time.monotonic()
    async with embedded.running(data_dir, options=QUICK) as url:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE held (); BEGIN; LOCK held")
    assert time.monotonic() - began < 5
    connection.terminate()


async def test_a_failure_inside_stops_the_server_too(data_dir: Path) -> None:
    async def fail() -> None:
        async with embedded.running(data_dir, options=QUICK):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not is_held(data_dir / "postgres.lock")


def test_it_starts_in_a_loop_that_leaves_pipes_open_to_its_children(data_dir: Path) -> None:
    """uvloop duplicates the pipes of a child without closing them there. The server kept them, and the start hung."""

    async def start() -> str:
        async with asyncio.timeout(30), embedded.running(data_dir, options=QUICK) as url:
            return url

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(start()).startswith("postgresql://")


def test_a_program_that_ends_before_the_busy_loop_looks_at_it_is_no_failure() -> None:
    """On a busy machine, uvloop closes the pipes of a process that has ended."""

    async def launch_while_busy() -> list[Outcome]:
        async def keep_busy() -> None:
            while not launched.done():
                time.sleep(0.1)  # noqa: ASYNC251 - the loop is to stand still
                await asyncio.sleep(0)

        launched = asyncio.gather(*(launch(Identity(), ["/bin/echo", "said"]) for _ in range(3)))
        busy = asyncio.create_task(keep_busy())
        outcomes = await launched
        await busy
        return outcomes

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcomes = runner.run(launch_while_busy())

    assert outcomes == [Outcome(0, "said\n")] * 3
