"""Where indexes live on disk: one directory each, and a pointer that names the one that answers.

    search/writer.lock        held by the one process that writes
    search/current            the id of the index that answers; replaced atomically
    search/<id>/              an index of Tantivy, and fingerprint.json

A killed process leaves at most a directory that nothing points to; the next writer removes it. Readers hold their
files open, so an index may be removed under them: they go on until they look at the pointer again.
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

MAX_LOGGED_LENGTH = 200  # of an error: Tantivy quotes whole files
_ID = re.compile(r"[0-9a-f-]{32,36}")

# Changes whenever the file is replaced: what a reader compares before each search.
Mark: TypeAlias = tuple[int, int, int]


def mark(path: Path) -> Mark | None:
    """Two system calls' worth of knowing whether a file was replaced; None when there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def is_damage(error: BaseException) -> bool:
    """Whether an error says that files cannot be read or written, or are not what they should be.

    Tantivy trusts what is inside of its files: where bytes have changed it panics, and a panic in Rust comes here as an
    exception beside all others.
    """
    return isinstance(error, OSError | ValueError) or type(error).__name__ == "PanicException"


class Place:
    """The directory `search` of a data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pointer = directory / "current"

    def current(self) -> Path | None:
        """The directory of the index that answers; None when there is none."""
        try:
            index_id = self.pointer.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        directory = self.directory / index_id
        return directory if _ID.fullmatch(index_id) and (directory / "meta.json").is_file() else None

    def make(self, fingerprint: Fingerprint) -> Path:
        """An empty directory for a new index that nothing points to yet."""
        directory = self.directory / fingerprint.index_id
        if not _ID.fullmatch(fingerprint.index_id):
            raise ValueError("an index id is a UUID")
        directory.mkdir(parents=True)
        _write(directory / "fingerprint.json", orjson.dumps(asdict(fingerprint)))
        return directory

    def point_to(self, directory: Path) -> None:
        """Make `directory` the index that answers; it must be complete and on disk."""
        _sync_directory(directory)
        _write(self.pointer, directory.name.encode())

    def remove_others(self) -> None:
        """Remove every index but the current one. Only for the holder of the lock."""
        current = self.current()
        for entry in self.directory.iterdir():
            if entry.is_dir() and entry != current:
                shutil.rmtree(entry, ignore_errors=True)

    def lock(self) -> int:
        """Become the one that writes here; Unavailable while another process is. Release by closing the descriptor."""
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.directory / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise Unavailable(f"{self.directory}: another process writes this search index") from error
        return descriptor


def read_fingerprint(directory: Path) -> Fingerprint | None:
    """None when it is missing or is not one: such an index is rebuilt."""
    try:
        return Fingerprint(**orjson.loads((directory / "fingerprint.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, content: bytes) -> None:
    """Atomic and durable: after a crash there is the old content or the new, never a part."""
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
