"""`regdex up` after a kill, and beside another one: it adopts PostgreSQL, keeps it running, and stops it."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.operations.installation import Installation, Process, until


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "regdex", "")


def server_pid(place: Installation) -> int:
    """Return the process id of the PostgreSQL in the data directory, or 0."""
    try:
        return int((place.directory / "data" / "postgres" / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return 0


async def start(place: Installation) -> Process:
    process = await place.start("up")
    await place.ready("rest", process)
    return process


async def test_killed_and_started_again_it_keeps_and_ends_the_same_postgresql(place: Installation) -> None:
    await (await start(place)).kill()
    left = server_pid(place)
    assert left

    process = await start(place)
    try:
        assert server_pid(place) == left

        code, _, errors = await place.run("up")
        assert code == 78
        assert "data_dir" in errors

        os.kill(left, signal.SIGKILL)
        await until(lambda: is_replaced(place, left))
        await place.ready("rest", process)
    finally:
        code = await process.stop(signal.SIGHUP)  # its terminal is closed

    assert code == 0, process.said()[-4000:]
    assert server_pid(place) == 0


async def is_replaced(place: Installation, former: int) -> bool:
    await asyncio.sleep(0)
    return server_pid(place) not in (0, former)
