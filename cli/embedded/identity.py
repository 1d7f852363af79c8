"""As whom PostgreSQL's programs run: it refuses root, and it refuses a user id without a name."""

import asyncio
import json
import os
import pwd
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("launch.py")
# What a program needs to be told; PGDATA, PGPORT and their kind would be obeyed.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Identity:
    """`namespace`: appear as that user id, in a user namespace. `user`: become (uid, gid). Neither: as we are."""

    namespace: int | None = None
    user: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended, and what it said (both streams)."""

    code: int
    output: str


async def launch(identity: Identity, command: Sequence[str | Path], *, daemon: dict[str, str] | None = None) -> Outcome:
    """Run a program as `identity` to its end; of a daemon, to the moment it is on its own and holds its lock."""
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
    """Whether `identity` can be had, can run `program` and can write to `folder`, past all permissions above them."""
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
    """A user id other than root's that has a name here, to appear as in a namespace; it gains no right by that."""
    ids = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0]
    return 65534 if 65534 in ids or not ids else ids[-1]


def unprivileged_user() -> tuple[int, int]:
    """Whom root becomes where namespaces are denied: `regdex` where there is such a user, else `nobody`."""
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
