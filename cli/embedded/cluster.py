"""The cluster: PostgreSQL's files in a data directory, created at the first start."""

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from cli.embedded.configuration import MAIN_FILE, contents
from cli.embedded.identity import last_lines, launch
from cli.embedded.place import Options, Place
from regdex.errors import Misconfigured, Unavailable

SUPERUSER = "postgres"


async def prepare(place: Place, options: Options) -> None:
    """Create the cluster if it is missing, and write the files that a start needs.

    No other process may run the server meanwhile. Raises Misconfigured for a cluster of another major version or a
    folder that belongs to somebody else, Unavailable for errors of the disk.
    """
    try:
        if not await asyncio.to_thread(_is_made, place):
            await _make(place, options)
        await asyncio.to_thread(_write, place, options)
    except PermissionError as error:
        raise Misconfigured(f"data_dir: {error.filename}: {error.strerror}") from error
    except OSError as error:
        raise Unavailable(f"the embedded PostgreSQL cannot be prepared: {error}") from error


def clear(place: Place) -> None:
    """Remove the socket folder if it is in the temporary directory."""
    if place.sockets.parent != place.home:
        with suppress(OSError):
            place.sockets.rmdir()


def _is_made(place: Place) -> bool:
    try:
        major = (place.cluster / "PG_VERSION").read_text("ascii").strip()
    except FileNotFoundError:
        if place.cluster.exists():
            raise Misconfigured(f"data_dir: {place.cluster} exists and is not a PostgreSQL cluster") from None
        return False
    if major != str(place.binaries.major):
        raise Misconfigured(
            f"data_dir: {place.cluster} was made by PostgreSQL {major}, this Regdex brings {place.binaries.major}: "
            'dump it with the Regdex that made it and restore the dump, see "Upgrades" in docs/operations.md'
        )
    return True


async def _make(place: Place, options: Options) -> None:
    """Run initdb in another folder and rename that, so that an interrupted initdb leaves no incomplete cluster."""
    unfinished = place.cluster.with_name("postgres.new")
    await asyncio.to_thread(_make_folder, unfinished, place)
    modern = place.binaries.major >= 17
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if modern else ["--locale=C.UTF-8"]
    outcome = await launch(
        place.identity,
        [
            place.binaries.program("initdb"),
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            *locale,
            # Only users who can enter the socket folder can connect.
            "--auth-local=trust",
            "--auth-host=reject",
            *(() if options.durable else ("--no-sync",)),
        ],
    )
    if outcome.code != 0:
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
        raise Unavailable(f"initdb failed: {last_lines(outcome.output)}")
    await asyncio.to_thread(_finish, unfinished, place)


def _make_folder(unfinished: Path, place: Place) -> None:
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give(unfinished, place)


def _finish(unfinished: Path, place: Place) -> None:
    _write_file(unfinished / "postgresql.conf", MAIN_FILE, place)
    unfinished.rename(place.cluster)


def _write(place: Place, options: Options) -> None:
    """Write the settings, create the socket folder, and delete the pid file and sockets of a server that has ended."""
    _write_file(place.cluster / "regdex.conf", contents(place, options), place)
    (place.cluster / "postmaster.pid").unlink(missing_ok=True)
    sockets = place.sockets
    try:
        sockets.mkdir(mode=0o700)
        give(sockets, place)
    except FileExistsError:
        _check_private(sockets, place)
    for leftover in sockets.glob(".s.PGSQL.*"):
        leftover.unlink()


def _check_private(folder: Path, place: Place) -> None:
    """Raise Misconfigured for a folder of somebody else: every user can create one in the temporary directory."""
    status = folder.lstat()
    user = place.identity.user[0] if place.identity.user else os.geteuid()
    if folder.is_symlink() or status.st_uid != user or status.st_mode & 0o077:
        raise Misconfigured(f"{folder}: must be a directory that belongs to user id {user}, with mode 0700")


def _write_file(path: Path, content: str, place: Place) -> None:
    """Replace the file in one step, so that a full disk leaves the old one whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(content))
        give(Path(name), place)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def give(path: Path, place: Place) -> None:
    """Make the user that runs the server the owner of `path`, which root has created."""
    if place.identity.user:
        os.chown(path, *place.identity.user)
