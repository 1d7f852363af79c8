"""The content of the demo registry, in memory: blobs, manifests and tags, by the rules of Distribution."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from cli.demo.images import DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST, Document, digest_of

NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MEDIA_TYPES = frozenset((MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST))
MAX_BLOB_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024

# One change in the journal: its kind, the repository, its subject, and the bytes of a blob or a manifest.
Change = tuple[str, str, str, bytes]


class Refused(Exception):
    """An error response. `code` is an error code of the distribution specification."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Manifest:
    """A stored manifest or index; `subject` is empty unless it refers to another."""

    media_type: str
    body: bytes
    subject: str
    artifact_type: str
    annotations: dict[str, str]

    @property
    def digest(self) -> str:
        return digest_of(self.body)


@dataclass(slots=True)
class Repository:
    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)


class Content:
    """All repositories. Each method that changes them calls `on_change`, so that a journal can repeat the change."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.on_change: Callable[[Change], None] | None = None
        self._total_bytes = 0

    def repository(self, name: str) -> Repository:
        try:
            return self.repositories[name]
        except KeyError:
            raise Refused(404, "NAME_UNKNOWN", "repository name not known to registry") from None

    def blob(self, name: str, digest: str) -> bytes:
        if digest not in self.repository(name).blobs:
            raise Refused(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return self.blobs[digest]

    def manifest(self, name: str, reference: str) -> Manifest:
        """Return a manifest by tag or by digest."""
        repository = self.repository(name)
        found = repository.manifests.get(repository.tags.get(reference, reference))
        if found is None:
            raise Refused(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return found

    def referrers(self, name: str, digest: str) -> list[Manifest]:
        found = self.repositories.get(name, Repository())
        return [manifest for manifest in found.manifests.values() if manifest.subject == digest]

    def put_blob(self, name: str, content: bytes) -> str:
        digest = digest_of(content)
        if digest not in self.blobs:
            if self._total_bytes + len(content) > MAX_TOTAL_BYTES:
                self.collect_garbage()
            if self._total_bytes + len(content) > MAX_TOTAL_BYTES:
                raise Refused(413, "SIZE_INVALID", "the demo registry is full")
            self.blobs[digest] = content
            self._total_bytes += len(content)
        self.repositories.setdefault(name, Repository()).blobs.add(digest)
        self._tell(("blob", name, digest, content))
        return digest

    def mount_blob(self, name: str, digest: str) -> None:
        self.repositories.setdefault(name, Repository()).blobs.add(digest)
        self._tell(("blob", name, digest, self.blobs[digest]))

    def put_manifest(self, name: str, reference: str, media_type: str, body: bytes) -> Manifest:
        """Store a manifest, and tag it unless `reference` is a digest. All it names must exist, except its subject."""
        manifest = parse_manifest(media_type, body)
        self._check_references(self.repositories.get(name, Repository()), body)
        return self._store(name, reference, manifest)

    def _store(self, name: str, reference: str, manifest: Manifest) -> Manifest:
        repository = self.repositories.setdefault(name, Repository())
        if DIGEST.fullmatch(reference):
            if reference != manifest.digest:
                raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        elif not TAG.fullmatch(reference):
            raise Refused(400, "TAG_INVALID", "manifest tag did not match URI")
        else:
            repository.tags[reference] = manifest.digest
        repository.manifests[manifest.digest] = manifest
        self._tell(("manifest", name, f"{reference} {manifest.media_type}", manifest.body))
        return manifest

    def push(self, name: str, document: Document, *tags: str) -> None:
        """Store an image with its blobs and children, for the first catalog."""
        for blob in document.blobs:
            self.put_blob(name, blob)
        for child in document.children:
            self.push(name, child)
        for reference in tags or (document.digest,):
            self.put_manifest(name, reference, document.media_type, document.content)

    def delete_tag(self, name: str, tag: str) -> None:
        if self.repository(name).tags.pop(tag, None) is None:
            raise Refused(404, "MANIFEST_UNKNOWN", "manifest unknown")
        self._tell(("untag", name, tag, b""))

    def delete_manifest(self, name: str, digest: str) -> list[str]:
        """Delete a manifest and its tags, and return those tags."""
        repository = self.repository(name)
        if repository.manifests.pop(digest, None) is None:
            raise Refused(404, "MANIFEST_UNKNOWN", "manifest unknown")
        taken = [tag for tag, target in repository.tags.items() if target == digest]
        for tag in taken:
            del repository.tags[tag]
        self._tell(("delete", name, digest, b""))
        return taken

    def delete_blob(self, name: str, digest: str) -> None:
        self.blob(name, digest)
        self.repositories[name].blobs.discard(digest)
        self._tell(("unlink", name, digest, b""))

    def collect_garbage(self) -> None:
        """Delete blobs that no manifest of their repository names."""
        kept: set[str] = set()
        for repository in self.repositories.values():
            repository.blobs &= {
                digest for manifest in repository.manifests.values() for digest in _blobs_of(manifest.body)
            }
            kept |= repository.blobs
        self.blobs = {digest: content for digest, content in self.blobs.items() if digest in kept}
        self._total_bytes = sum(map(len, self.blobs.values()))

    def repeat(self, change: Change) -> None:
        """Apply a change from the journal."""
        what, name, subject, body = change
        match what:
            case "repository":
                self.repositories.setdefault(name, Repository())
            case "blob":
                self.put_blob(name, body)
            case "manifest":
                # Its blobs and children were checked when it was pushed, and may have been deleted since.
                reference, _, media_type = subject.partition(" ")
                self._store(name, reference, parse_manifest(media_type, body))
            case "untag":
                self.delete_tag(name, subject)
            case "delete":
                self.delete_manifest(name, subject)
            case "unlink":
                self.delete_blob(name, subject)
            case _:
                raise ValueError(what)

    def _tell(self, change: Change) -> None:
        if self.on_change is not None:
            self.on_change(change)

    @staticmethod
    def _check_references(repository: Repository, body: bytes) -> None:
        if not repository.blobs.issuperset(_blobs_of(body)):
            raise Refused(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        for entry in orjson.loads(body).get("manifests") or ():
            if entry.get("digest") not in repository.manifests:
                raise Refused(400, "MANIFEST_BLOB_UNKNOWN", "manifest unknown to registry")


def _blobs_of(body: bytes) -> Iterator[str]:
    document = orjson.loads(body)
    for entry in (document.get("config"), *(document.get("layers") or ())):
        if entry and not entry.get("urls"):
            yield entry.get("digest", "")


def parse_manifest(media_type: str, body: bytes) -> Manifest:
    """Parse a manifest. Raise Refused unless it has schema version 2 and the type that its Content-Type names."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "MANIFEST_INVALID", "manifest is not JSON") from error
    if media_type not in MEDIA_TYPES or not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise Refused(400, "MANIFEST_INVALID", "unsupported manifest type")
    if document.get("mediaType", media_type) != media_type:
        raise Refused(400, "MANIFEST_INVALID", "mediaType differs from Content-Type")
    named = [document.get("config") or {}, document.get("subject") or {}]
    for key in ("layers", "manifests"):
        named += entries if isinstance(entries := document.get(key) or [], list) else [None]
    if not all(isinstance(entry, dict) for entry in named):
        raise Refused(400, "MANIFEST_INVALID", "descriptors must be objects")
    subject = document.get("subject") or {}
    return Manifest(
        media_type,
        body,
        subject.get("digest", ""),
        document.get("artifactType") or (document.get("config") or {}).get("mediaType", ""),
        document.get("annotations") or {},
    )
