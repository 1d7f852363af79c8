"""Starts one program of PostgreSQL as the right user. `cli.embedded.identity` runs this file as a script.

It is a script because leaving the session, entering a user namespace and giving up root must not happen in a process
with threads. It uses the standard library only. Its argument is a JSON object:

    command     the program and its arguments
    namespace   the user id to appear as in a new user namespace, or null
    user        [uid, gid] to become, or null
    daemon      {"log": path, "lock": path} for the server, which outlives its parent; null for other programs

The server and all processes that it forks inherit the descriptor of the lock file. While the lock is held, a process of
that server is alive, whatever its process id.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import sys
import time

CLONE_NEWUSER = 0x1000_0000
EX_NOPERM, EX_TEMPFAIL = 77, 75


def enter_namespace(appear_as: int) -> None:
    """Appear to the program as an ordinary user. Files are still accessed with the caller's own ids."""
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{appear_as} {user} 1"),
        ("gid_map", f"{appear_as} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(content)


def take_lock(path: str) -> int:
    """Lock until exit and return the descriptor. Try for a second: a process that tests the lock holds it briefly."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.set_inheritable(descriptor, True)
    for _ in range(100):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return descriptor
    sys.exit(EX_TEMPFAIL)


def close_others(kept: int) -> None:
    """Close inherited descriptors, except the standard streams and `kept`: pipes of the parent may be among them."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            with contextlib.suppress(OSError):  # the descriptor that listed the folder is closed already
                os.close(int(name))


def main() -> None:
    spec = json.loads(sys.argv[1])
    os.umask(0o077)
    os.chdir("/")
    log = lock = None
    if spec["daemon"]:
        log = os.open(spec["daemon"]["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        lock = take_lock(spec["daemon"]["lock"])
    try:
        if spec["user"]:
            user, group = spec["user"]
            os.setgroups([])
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
        if spec["namespace"] is not None:
            enter_namespace(spec["namespace"])
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(EX_NOPERM)
    if log is not None and lock is not None:
        if os.fork():
            os._exit(0)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        close_others(lock)
    os.execv(spec["command"][0], spec["command"])  # noqa: S606


if __name__ == "__main__":
    main()
