"""The directory of indexes: one directory for each index, and a pointer to the current one.

    search/writer.lock        locked by the one process that writes
    search/current            the id of the current index; replaced atomically
    search/<id>/              a Tantivy index, and fingerprint.json

A killed process leaves at most a directory that nothing points to; the next writer removes it. Readers keep files open,
so they can use a removed index until they read the pointer again.
"""

import fcntl
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import orjson

from regdex.errors import Unavailable
from regdex.search import Fingerprint

MAX_LOGGED_LENGTH = 200  # characters of an error: Tantivy quotes whole files
_ID = re.compile(r"[0-9a-f-]{32,36}")

# Changes whenever the file is replaced. Readers compare it before each search.
Mark: TypeAlias = tuple[int, int, int]


def mark(path: Path) -> Mark | None:
    """Return the mark of a file; None if it does not exist. Costs one system call."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def is_damage(error: BaseException) -> bool:
    """Return whether an error means that files are damaged, or cannot be read or written.

    Tantivy does not check its files. It panics on changed bytes, and a Rust panic becomes an exception that is no
    subclass of Exception.
    """
    return isinstance(error, OSError | ValueError) or type(error).__name__ == "PanicException"


class Place:
    """The directory `search` of a data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pointer = directory / "current"

    def current(self) -> Path | None:
        """Return the directory of the current index; None if there is none."""
        try:
            index_id = self.pointer.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        directory = self.directory / index_id
        return directory if _ID.fullmatch(index_id) and (directory / "meta.json").is_file() else None

    def make(self, fingerprint: Fingerprint) -> Path:
        """Create an empty directory for a new index, which is not the current one yet."""
        directory = self.directory / fingerprint.index_id
        if not _ID.fullmatch(fingerprint.index_id):
            raise ValueError("an index id is a UUID")
        directory.mkdir(parents=True)
        _write(directory / "fingerprint.json", orjson.dumps(asdict(fingerprint)))
        return directory

    def point_to(self, directory: Path) -> None:
        """Make `directory` the current index. It must be complete and on disk."""
        _sync_directory(directory)
        _write(self.pointer, directory.name.encode())

    def remove_others(self) -> None:
        """Remove all indexes except the current one. The caller must hold the lock."""
        current = self.current()
        for entry in self.directory.iterdir():
            if entry.is_dir() and entry != current:
                shutil.rmtree(entry, ignore_errors=True)

    def lock(self) -> int:
        """Lock for writing. Closing the returned descriptor unlocks. Raise Unavailable if another process writes."""
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.directory / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise Unavailable(f"{self.directory}: another process writes this search index") from error
        return descriptor


def read_fingerprint(directory: Path) -> Fingerprint | None:
    """Read the fingerprint; None if it is missing or invalid. Such an index is rebuilt."""
    try:
        return Fingerprint(**orjson.loads((directory / "fingerprint.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, content: bytes) -> None:
    """Write atomically and durably: after a crash, the file has the old or the new content."""
    temporary = path.with_name(path.name + ".new")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
