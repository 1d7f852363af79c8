"""The user that runs PostgreSQL's programs. PostgreSQL refuses root, and a user id without a name."""

import asyncio
import json
import os
import pwd
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("launch.py")
# The whole environment of the programs: they would obey inherited variables such as PGDATA and PGPORT.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Identity:
    """`namespace`: appear as this user id in a user namespace. `user`: become (uid, gid). Neither: the current user."""

    namespace: int | None = None
    user: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The exit code and the output (both streams) of a program."""

    code: int
    output: str


async def launch(identity: Identity, command: Sequence[str | Path], *, daemon: dict[str, str] | None = None) -> Outcome:
    """Run a program as `identity` until it ends, or a daemon until it is detached and holds its lock."""
    spec = {
        "command": [str(part) for part in command],
        "namespace": identity.namespace,
        "user": identity.user,
        "daemon": daemon,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(SCRIPT), json.dumps(spec)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=ENVIRONMENT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    return Outcome(process.returncode or 0, output.decode("utf-8", "replace"))


async def can_use(identity: Identity, program: Path, folder: Path) -> bool:
    """Return whether `identity` is available and has the permissions to run `program` and to write to `folder`."""
    test = 'test -x "$1" && cd "$2" && test -w .'
    outcome = await launch(identity, ["/bin/sh", "-c", test, "sh", program, folder])
    return outcome.code == 0


def has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def named_user() -> int:
    """Return a user id other than root's that has a name, to appear as in a namespace. This gives it no rights."""
    ids = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0]
    return 65534 if 65534 in ids or not ids else ids[-1]


def unprivileged_user() -> tuple[int, int]:
    """Return the user that root becomes where namespaces are denied: `regdex` if it exists, else `nobody`."""
    for name in ("regdex", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    return 65534, 65534


def owner(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_uid, status.st_gid


def last_lines(text: str, count: int = 8) -> str:
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-count:])
