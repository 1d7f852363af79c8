"""Root, an ordinary user and a user without a name, with and without user namespaces: no permission changes."""

import asyncio
import os
import pwd
import stat
from pathlib import Path

import pytest

from cli import embedded
from cli.embedded.identity import Identity, can_use, launch
from regdex.errors import Misconfigured
from tests.cli.embedded.conftest import NOBODY, QUICK, StartParent, execute, needs_root, server_pid

NAMELESS = 4_123_456


def permissions_above(path: Path) -> dict[Path, tuple[int, int, int]]:
    return {
        parent: (stat.S_IMODE(parent.stat().st_mode), parent.stat().st_uid, parent.stat().st_gid)
        for parent in path.parents
    }


def runs_as(pid: int) -> int:
    return os.stat(f"/proc/{pid}").st_uid


async def needs_namespaces(folder: Path) -> None:
    if not await can_use(Identity(namespace=NOBODY), Path("/bin/sh"), folder):
        pytest.skip("user namespaces are denied on this machine")


@needs_root
async def test_root_runs_it_in_place_behind_closed_doors(folder: Path) -> None:
    """The data directory and the folders above it stay closed, and no user is created."""
    await needs_namespaces(folder)
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / "data"
    before = permissions_above(data_dir), permissions_above(Path(embedded.__file__)), pwd.getpwall()

    async with embedded.running(data_dir, options=QUICK) as url:
        assert await execute(url, "SELECT 1") == 1
        assert (data_dir / "postgres" / "PG_VERSION").stat().st_uid == 0

    assert (permissions_above(data_dir), permissions_above(Path(embedded.__file__)), pwd.getpwall()) == before
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


@needs_root
async def test_where_namespaces_are_denied_root_runs_it_elsewhere_as_nobody(folder: Path) -> None:
    data_dir, elsewhere = folder / "data", folder / "elsewhere"
    data_dir.mkdir(mode=0o700)
    options = embedded.Options(durable=False, namespaces=False, elsewhere=elsewhere)
    before = permissions_above(data_dir)

    async with embedded.running(data_dir, options=options) as url:
        await execute(url, "CREATE TABLE note AS SELECT 42 AS answer")
        assert embedded.connect_url(data_dir, options=options) == url
        (home,) = (path for path in elsewhere.iterdir() if (path / "postgres").exists())
        assert runs_as(server_pid(home)) != 0
    assert not (data_dir / "postgres").exists()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700

    # The cluster stays there, even if namespaces are allowed later.
    async with embedded.running(data_dir, options=embedded.Options(durable=False, elsewhere=elsewhere)) as url:
        assert await execute(url, "SELECT answer FROM note") == 42
        assert runs_as(server_pid(home)) != 0
    assert permissions_above(data_dir) == before


@needs_root
async def test_elsewhere_a_killed_regdex_leaves_a_server_to_adopt(folder: Path, start_parent: StartParent) -> None:
    data_dir, elsewhere = folder / "data", folder / "elsewhere"
    async with start_parent(data_dir, "no-namespaces", elsewhere) as parent:
        (home,) = (path for path in elsewhere.iterdir() if (path / "postgres").exists())
        pid = server_pid(home)
        await parent.kill()

    async with embedded.running(data_dir, options=embedded.Options(namespaces=False, elsewhere=elsewhere)) as url:
        assert server_pid(home) == pid
        assert await execute(url, "SELECT 1") == 1


@needs_root
async def test_what_needs_a_namespace_says_so_where_they_are_denied(folder: Path) -> None:
    await needs_namespaces(folder)
    data_dir = folder / "data"
    async with embedded.running(data_dir, options=QUICK):
        pass

    with pytest.raises(Misconfigured, match="user namespaces"):
        async with embedded.running(data_dir, options=embedded.Options(namespaces=False, elsewhere=folder)):
            pytest.fail("ran as root")


@needs_root
async def test_an_ordinary_user_runs_it_as_himself(folder: Path, start_parent: StartParent) -> None:
    data_dir = folder / "home" / "data"
    data_dir.parent.mkdir(mode=0o700)
    os.chown(data_dir.parent, NOBODY, NOBODY)

    async with start_parent(data_dir, user=NOBODY) as parent:
        assert parent.said.startswith("postgresql://"), parent.said
        assert await execute(parent.said, "SELECT 1") == 1
        assert runs_as(server_pid(data_dir)) == NOBODY
        await parent.kill()
    async with start_parent(data_dir, user=NOBODY) as parent:
        assert parent.said.startswith("postgresql://"), parent.said
        assert await execute(parent.said, "SELECT 1") == 1


@needs_root
async def test_root_runs_another_users_data_as_that_user(folder: Path, start_parent: StartParent) -> None:
    data_dir = folder / "home" / "data"
    data_dir.parent.mkdir(mode=0o755)
    os.chown(data_dir.parent, NOBODY, NOBODY)
    async with start_parent(data_dir, user=NOBODY) as parent:
        assert parent.said.startswith("postgresql://")

    async with embedded.running(data_dir, options=embedded.Options(elsewhere=folder / "elsewhere")) as url:
        assert await execute(url, "SELECT 1") == 1
        assert runs_as(server_pid(data_dir)) == NOBODY

    async with start_parent(data_dir, user=NOBODY) as parent:
        assert parent.said.startswith("postgresql://"), parent.said
        assert await execute(parent.said, "SELECT 1") == 1


@needs_root
async def test_a_user_without_a_name_can_run_it_too(folder: Path, start_parent: StartParent) -> None:
    """Containers often run so: `docker run --user 4123456`."""
    data_dir = folder / "home" / "data"
    data_dir.parent.mkdir(mode=0o700)
    os.chown(data_dir.parent, NAMELESS, NAMELESS)
    unprivileged = Identity(user=(NAMELESS, NAMELESS))
    allowed = await launch(unprivileged, ["/usr/bin/unshare", "--user", "--map-current-user", "/bin/true"])
    if allowed.code != 0:
        pytest.skip("user namespaces are denied to ordinary users on this machine")

    async with start_parent(data_dir, user=NAMELESS) as parent:
        assert parent.said.startswith("postgresql://"), parent.said
        assert await execute(parent.said, "SELECT 1") == 1


@needs_root
async def test_another_users_data_is_refused(folder: Path, start_parent: StartParent) -> None:
    data_dir = folder / "data"
    async with embedded.running(data_dir, options=QUICK):
        pass
    async with start_parent(data_dir, user=NOBODY) as parent:
        assert parent.said.startswith("Misconfigured: data_dir:")
        assert await asyncio.wait_for(parent.process.wait(), 10) == 0
