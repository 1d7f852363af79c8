"""A folder that every user can reach, and a Regdex in a separate process."""

import asyncio
import os
import shutil
import signal
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from cli import embedded
from cli.embedded.identity import Identity, launch
from cli.embedded.locks import is_held
from cli.embedded.server import read_pid_file

REPOSITORY = Path(__file__).parents[3]
PACKAGES = [str(REPOSITORY), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]


@dataclass
class Parent:
    """The process of `parent.py`. `said` is its output line: a URL or an error."""

    process: asyncio.subprocess.Process
    said: str

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> None:
        await self.process.communicate(b"")
        assert self.process.returncode == 0


StartParent = Callable[..., AbstractAsyncContextManager[Parent]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path that is open to all, unlike those of pytest."""
    path = Path(tempfile.mkdtemp(prefix="regdex-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    for lock in path.rglob("postgres.lock"):
        assert not is_held(lock), f"a server was left running: {lock}"
    shutil.rmtree(path)


@pytest.fixture
def data_dir(folder: Path) -> Path:
    return folder / "data"


@pytest.fixture
def start_parent() -> StartParent:
    """Start a Regdex on a data directory, as `user` if given, and stop it at the end."""

    @asynccontextmanager
    async def start(data_dir: Path, *arguments: str | Path, user: int | None = None) -> AsyncIterator[Parent]:
        python = sys.executable if user is None else await python_for(user)
        process = await asyncio.create_subprocess_exec(
            *(python, "-m", "tests.cli.embedded.parent", data_dir, *arguments),
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(PACKAGES)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        assert process.stdout
        line = await process.stdout.readline()
        parent = Parent(process, line.decode().strip())
        try:
            yield parent
        finally:
            if process.returncode is None:
                await parent.stop()

    return start


async def python_for(user: int) -> Path:
    """Return a Python of this version that `user` can run with the installed packages; skip if there is none."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    imports = f"import sys; sys.path += {PACKAGES!r}; import asyncpg, cli.embedded"
    for python in filter(None, (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin"))):
        outcome = await launch(Identity(user=(user, user)), [python, "-c", imports])
        if outcome.code == 0:
            return Path(python)
    pytest.skip(f"user {user} can run no {name} here that finds Regdex")


async def execute(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def server_pid(home: Path) -> int:
    found = read_pid_file(home / "postgres")
    assert found
    return found.pid


async def kill_server(data_dir: Path) -> None:
    """Kill the postmaster (kill -9) and wait until its other processes have noticed."""
    os.kill(server_pid(data_dir), signal.SIGKILL)
    await until(lambda: not is_held(data_dir / "postgres.lock"))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until `is_so()` is true."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = 65534
QUICK = embedded.Options(durable=False)
