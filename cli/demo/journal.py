"""The journal: a file with every change of the demo registry, which keeps its content over restarts.

It is rewritten at each start and after it has grown by 32 MiB. Each line is a JSON array. A half-written last line,
left by a kill, is dropped.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import orjson

from cli.demo.content import Change, Content

MAX_GROWTH_BYTES = 32 * 1024 * 1024


def load(path: Path) -> Content | None:
    """Return the content that the registry had when it last ran, or None without a journal."""
    if not path.exists():
        return None
    content = Content()
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            what, name, subject, body = orjson.loads(line)
            content.repeat((what, name, subject, base64.b64decode(body)))
    return content


class Journal:
    """Context manager that appends each change of `content` to the journal."""

    def __init__(self, path: Path, content: Content) -> None:
        self._path = path
        self._content = content

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._start_anew()
        self._content.on_change = self._append
        return self

    def __exit__(self, *_: object) -> None:
        self._content.on_change = None
        self._file.close()

    def _start_anew(self) -> None:
        self._content.collect_garbage()
        beside = self._path.with_name(self._path.name + ".new")
        with beside.open("wb") as file:
            file.writelines(_line(change) for change in _changes(self._content))
            self._limit_bytes = file.tell() + MAX_GROWTH_BYTES
        beside.replace(self._path)
        self._file = self._path.open("ab", buffering=0)

    def _append(self, change: Change) -> None:
        self._file.write(_line(change))
        if self._file.tell() > self._limit_bytes:
            self._file.close()
            self._start_anew()


def _line(change: Change) -> bytes:
    what, name, subject, body = change
    return orjson.dumps([what, name, subject, base64.b64encode(body).decode()]) + b"\n"


def _changes(content: Content) -> Iterator[Change]:
    for name, repository in content.repositories.items():
        yield ("repository", name, "", b"")
        for digest in sorted(repository.blobs):
            yield ("blob", name, digest, content.blobs[digest])
        for digest, manifest in repository.manifests.items():
            yield ("manifest", name, f"{digest} {manifest.media_type}", manifest.body)
        for tag, digest in repository.tags.items():
            manifest = repository.manifests[digest]
            yield ("manifest", name, f"{tag} {manifest.media_type}", manifest.body)
