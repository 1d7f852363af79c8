"""The folder of the embedded server of a data directory, and the user that runs it.

An ordinary user runs the server in the data directory. So does root, but in a user namespace, so that no permission of
the folders above has to change; where namespaces are denied, the server runs under /var/lib/regdex as an unprivileged
user. An existing cluster stays where it is, and the owner of its files runs it.
"""

import asyncio
import hashlib
import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from cli.embedded.binaries import Binaries, copy_binaries, find_binaries
from cli.embedded.identity import Identity, can_use, has_name, named_user, owner, unprivileged_user
from regdex.errors import Misconfigured

_log = structlog.get_logger()
# Bytes of a unix socket's path with its file name. The kernel's limit is 108, including a closing zero.
MAX_SOCKET_PATH = 107
SOCKET_NAME = ".s.PGSQL.5432"
# Characters with a meaning in PostgreSQL's list of socket folders or in the list of hosts of a URL.
SEPARATORS = frozenset(",:'\"\\")


@dataclass(frozen=True, slots=True)
class Options:
    """`durable=False` gives up safety for speed, for tests. The other options are for tests and for packagers."""

    durable: bool = True
    binaries: Binaries | None = None
    namespaces: bool = True
    elsewhere: Path = Path("/var/lib/regdex")


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one data directory's server. `home` has the cluster: the data directory, or a folder elsewhere."""

    data_dir: Path
    home: Path
    binaries: Binaries
    identity: Identity = field(default_factory=Identity)

    @property
    def cluster(self) -> Path:
        return self.home / "postgres"

    @property
    def sockets(self) -> Path:
        return socket_folder(self.home)

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    @property
    def lock(self) -> Path:
        return self.data_dir / "regdex.lock"

    @property
    def server_lock(self) -> Path:
        return self.data_dir / "postgres.lock"


def homes(data_dir: Path, options: Options) -> tuple[Path, Path]:
    """Return the two folders that may have the cluster of a data directory."""
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return data_dir, options.elsewhere / name


def existing_home(data_dir: Path, options: Options) -> Path | None:
    """Return the folder that has the cluster, or None. Raises Misconfigured when it belongs to another user."""
    for home in homes(data_dir, options):
        try:
            (home / "postgres" / "PG_VERSION").stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            raise Misconfigured(f"data_dir: {home / 'postgres'} belongs to another user") from None
        return home
    return None


def socket_folder(home: Path) -> Path:
    """Return `run` beside the cluster, or a folder in the temporary directory if that path cannot hold a socket."""
    for folder in (
        home / "run",
        *(
            Path(temporary) / f"regdex-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
            for temporary in (tempfile.gettempdir(), "/tmp")  # noqa: S108
        ),
    ):
        path = str(folder / SOCKET_NAME)
        if len(os.fsencode(path)) <= MAX_SOCKET_PATH and path.isprintable() and not SEPARATORS & set(path):
            return folder
    raise Misconfigured("TMPDIR: too long for a unix socket")


async def choose(data_dir: Path, options: Options) -> Place:
    """Choose the place for `data_dir`, an absolute path that exists. Raises Misconfigured when none is possible."""
    binaries = options.binaries or find_binaries()
    inside = Place(data_dir, data_dir, binaries)
    in_namespace = replace(inside, identity=Identity(namespace=named_user()))
    program = binaries.program("postgres")
    home = await asyncio.to_thread(existing_home, data_dir, options)
    if os.geteuid() != 0:
        if has_name(os.geteuid()):
            return inside
        if options.namespaces and await can_use(in_namespace.identity, program, data_dir):
            return in_namespace
        raise Misconfigured(
            f"user id {os.geteuid()} has no name (/etc/passwd), which PostgreSQL needs, and user namespaces are "
            "denied: run Regdex as a user with a name, or set database.url"
        )
    if home is not None and owner(home / "postgres")[0] != 0:
        return await _as_owner(replace(inside, home=home), options)
    if options.namespaces and await can_use(in_namespace.identity, program, data_dir):
        return in_namespace
    if home is not None:
        raise Misconfigured(
            f"data_dir: {home / 'postgres'} belongs to root and PostgreSQL does not run as root; user namespaces, "
            "which it was made with, are denied now: run Regdex as an ordinary user and give the directory to that user"
        )
    return await _elsewhere(inside, options)


async def _as_owner(place: Place, options: Options) -> Place:
    """Let the owner of an existing cluster run it. Outside the data directory, always use the copied programs."""
    identity = Identity(user=owner(place.cluster))
    if place.home == place.data_dir and await can_use(identity, place.binaries.program("postgres"), place.cluster):
        return replace(place, identity=identity)
    return replace(place, identity=identity, binaries=await asyncio.to_thread(_copy, place.binaries, options.elsewhere))


async def _elsewhere(inside: Place, options: Options) -> Place:
    _, home = homes(inside.data_dir, options)
    user = unprivileged_user()
    binaries = await asyncio.to_thread(_copy, inside.binaries, options.elsewhere)
    try:
        await asyncio.to_thread(_make_home, home, user)
    except OSError as error:
        raise Misconfigured(f"{home}: cannot be created: {error.strerror}") from error
    _log.warning(
        "user namespaces are denied: the embedded PostgreSQL runs in another folder",
        data_dir=str(inside.data_dir),
        home=str(home),
        uid=user[0],
    )
    return replace(inside, home=home, binaries=binaries, identity=Identity(user=user))


def _make_home(home: Path, user: tuple[int, int]) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    os.chown(home, *user)


def _copy(binaries: Binaries, elsewhere: Path) -> Binaries:
    try:
        if not elsewhere.exists():
            elsewhere.mkdir(parents=True)
            elsewhere.chmod(0o755)
        return copy_binaries(binaries, elsewhere)
    except OSError as error:
        raise Misconfigured(f"{elsewhere}: cannot be created: {error.strerror}") from error
