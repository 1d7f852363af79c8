"""An asynchronous client of the Distribution API: what Regdex reads from a registry, and nothing it could write.

Answers are hostile input: cursors can only lead to the same listing, digests are computed from the bytes, everything is
bounded. Failures are RegistryError; its problems are listed in docs/operations.md.
"""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from indexer import manifest as content
from indexer.registry.egress import Answer
from indexer.registry.pages import NamePage, next_cursor, pick_names
from indexer.registry.transport import BLOCKED, TRANSIENT, Limits, NotThere, Transport, answered_at, parse_object
from regdex.digest import Digest, is_digest
from regdex.errors import RegistryError
from regdex.reference import check_repository, check_tag
from regdex.settings import Registry
from regdex.telemetry import ODD_CONTENT_TYPES

__all__ = [
    "BLOCKED",
    "TRANSIENT",
    "Fetched",
    "Head",
    "Limits",
    "Missing",
    "NamePage",
    "NotThere",
    "Referrers",
    "RegistryClient",
]

_ACCEPT = ", ".join(content.MEDIA_TYPES)
_JSON = "application/json"
_MOST_REFERRER_PAGES = 100


@dataclass(frozen=True, slots=True)
class Head:
    """What a registry says of a manifest. The digest is its claim; None where it makes none."""

    digest: Digest | None
    media_type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Missing:
    """The registry says that there is no such manifest or tag."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest's bytes, their digest as computed, and the Content-Type they came with."""

    digest: Digest
    media_type: str
    content: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Referrers:
    """Digests of the manifests that refer to one; `supported` is whether the registry has the API for it."""

    digests: tuple[Digest, ...]
    supported: bool
    at: datetime


class RegistryClient:
    """Reads one registry. One per registry and process: concurrency, breaker, tokens and retries are kept here."""

    def __init__(self, registry: Registry, limits: Limits | None = None) -> None:
        self.name = registry.name
        self.concurrency = registry.concurrency
        self._transport = Transport(registry, limits or Limits())
        self._limits = self._transport.limits
        # Shared by all views: the page size that the registry takes, and whether it has the referrers API.
        self._page_size: list[int | None] = [registry.page_size]
        self._referrers: list[bool | None] = [None]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    def patient(self, seconds: float) -> Self:
        """The same client for a caller who would rather wait up to `seconds` in line than fail."""
        view = copy.copy(self)
        view._transport = self._transport.patient(seconds)
        return view

    @property
    def request_count(self) -> int:
        """HTTP requests made so far, those for tokens apart."""
        return self._transport.request_count

    @property
    def referrers_supported(self) -> bool | None:
        """Whether there is a referrers API; None before the first `referrers`."""
        return self._referrers[0]

    @referrers_supported.setter
    def referrers_supported(self, value: bool | None) -> None:
        self._referrers[0] = value

    def wait_seconds(self) -> float:
        """How long the registry, or our breaker, wants nothing asked; 0: go on."""
        return self._transport.wait_seconds()

    async def ping(self) -> None:
        """Check that it is a registry and that our credentials are good."""
        answer = await self._get("/v2/", "ping", 64 * 1024)
        if answer.media_type == "text/html":
            raise RegistryError("unexpected_content", "not a registry's answer")

    async def catalog_page(self, cursor: str | None = None) -> NamePage:
        """One page of repository names."""
        return await self._page("/v2/_catalog", "repositories", "registry:catalog:*", cursor, check_repository)

    async def tags_page(self, repository: str, cursor: str | None = None) -> NamePage:
        """One page of tags; RegistryError `not_found` when there is no such repository."""
        return await self._page(f"/v2/{repository}/tags/list", "tags", _pull(repository), cursor, check_tag, repository)

    def catalog(self, cursor: str | None = None) -> AsyncIterator[NamePage]:
        """All pages from `cursor` on. RegistryError when they form a circle or do not end."""
        return self._pages(self.catalog_page, cursor)

    def tags(self, repository: str, cursor: str | None = None) -> AsyncIterator[NamePage]:
        """As `catalog`, of one repository's tags."""

        async def page(cursor: str | None) -> NamePage:
            return await self.tags_page(repository, cursor)

        return self._pages(page, cursor)

    async def head_manifest(self, repository: str, reference: str) -> Head | Missing:
        """What `reference`, a tag or a digest, points to now."""
        try:
            answer = await self._transport.send(
                "HEAD", _manifest(repository, reference), _pull(repository), accept=_ACCEPT
            )
        except NotThere as error:
            return Missing(error.at)
        claimed = answer.headers.get("Docker-Content-Digest", "")
        if answer.media_type not in content.MEDIA_TYPES and not is_digest(claimed):
            raise RegistryError("unexpected_content", "neither the type nor the digest of a manifest")
        return Head(Digest.parse(claimed) if is_digest(claimed) else None, answer.media_type, answered_at(answer))

    async def get_manifest(self, repository: str, reference: str) -> Fetched:
        """The manifest that `reference` points to now. By digest, RegistryError `digest_mismatch` if it is another.

        Where the Content-Type is not that of a manifest, the shape of the bytes decides whether it is one.
        """
        answer = await self._get(
            _manifest(repository, reference), _pull(repository), self._limits.manifest_bytes, accept=_ACCEPT
        )
        if answer.media_type not in content.MEDIA_TYPES:
            if not content.looks_like_manifest(answer.body):
                raise RegistryError("unexpected_content", "neither the type nor the shape of a manifest")
            ODD_CONTENT_TYPES.labels(self.name).inc()
        named = reference if is_digest(reference) else answer.headers.get("Docker-Content-Digest", "")
        digest = Digest.parse(named) if is_digest(named) else Digest.of(answer.body)
        if not digest.fits(answer.body):
            if is_digest(reference):
                raise RegistryError("digest_mismatch", "the bytes are not those that were asked for")
            digest = Digest.of(answer.body)
        return Fetched(digest, answer.media_type, answer.body, answered_at(answer))

    async def get_blob(self, repository: str, digest: Digest, *, max_bytes: int) -> bytes:
        """The bytes of a blob, checked against its digest."""
        answer = await self._get(f"/v2/{repository}/blobs/{digest}", _pull(repository), max_bytes)
        if not digest.fits(answer.body):
            raise RegistryError("digest_mismatch", "the blob is not what was asked for")
        return answer.body

    async def referrers(self, repository: str, digest: Digest) -> Referrers:
        """Manifests that refer to `digest`: by the referrers API, or by the fallback tag where there is none.

        The first call finds out which of the two. OCI distribution specification, "Listing Referrers".
        """
        if self.referrers_supported is not False:
            path = f"/v2/{repository}/referrers/{digest}"
            try:
                digests, at = await self._referrers_pages(path, _pull(repository))
            except RegistryError as error:
                if error.problem not in ("not_found", "unsupported"):
                    raise
                self.referrers_supported = False
            else:
                self.referrers_supported = True
                return Referrers(digests, True, at)
        try:
            fetched = await self.get_manifest(repository, str(digest).replace(":", "-"))
        except NotThere as error:
            return Referrers((), False, error.at)
        parsed = content.parse_manifest(fetched.content, fetched.digest, fetched.media_type)
        return Referrers(tuple(child.digest for child in parsed.children), False, fetched.at)

    async def _referrers_pages(self, path: str, scope: str) -> tuple[tuple[Digest, ...], datetime]:
        found: dict[Digest, None] = {}
        cursor: str | None = None
        for _ in range(_MOST_REFERRER_PAGES):
            answer = await self._get(path, scope, self._limits.manifest_bytes, query=cursor or "")
            manifests = parse_object(answer).get("manifests")
            if not isinstance(manifests, list | None):
                raise RegistryError("unexpected_content", "manifests is not a list")
            for entry in manifests or ():
                text = entry.get("digest") if isinstance(entry, dict) else None
                if isinstance(text, str) and is_digest(text):
                    found[Digest.parse(text)] = None
            cursor = next_cursor(answer, self._transport.origin, self._transport.prefix, path)
            if cursor is None or len(found) > content.MAX_CHILDREN:
                break
        return tuple(found)[: content.MAX_CHILDREN], answered_at(answer)

    async def _pages(
        self, page: Callable[[str | None], Awaitable[NamePage]], cursor: str | None
    ) -> AsyncIterator[NamePage]:
        seen = {cursor}
        for _ in range(self._limits.pages):
            current = await page(cursor)
            yield current
            cursor = current.next
            if cursor is None:
                return
            if cursor in seen:
                raise RegistryError("unexpected_content", "the pages form a circle")
            seen.add(cursor)
        raise RegistryError("too_large", f"more than {self._limits.pages} pages")

    async def _page(
        self,
        path: str,
        key: str,
        scope: str,
        cursor: str | None,
        check: Callable[[str], None],
        repository: str = "",
    ) -> NamePage:
        answer = await self._list(path, scope, cursor)
        document = parse_object(answer)
        entries = document.get(key, ())
        if entries is None and (not repository or document.get("name") == repository):
            entries = []  # Distribution before 3.1 says null for a repository without tags
        if not isinstance(entries, list):
            raise RegistryError("unexpected_content", f"{key} is not a list")
        names, rejected = pick_names(entries, check)
        cursor = next_cursor(answer, self._transport.origin, self._transport.prefix, path)
        return NamePage(names, rejected, cursor, answered_at(answer))

    async def _list(self, path: str, scope: str, cursor: str | None) -> Answer:
        """A page; where the registry refuses our page size, a smaller one, and from then on that."""
        seconds = self._limits.listing_seconds
        if cursor is not None:
            return await self._get(path, scope, self._limits.listing_bytes, seconds=seconds, query=cursor)
        while True:
            size = self._page_size[0]
            try:
                query = f"n={size}" if size else ""
                return await self._get(path, scope, self._limits.listing_bytes, seconds=seconds, query=query)
            except RegistryError as error:
                if error.problem != "unsupported" or not size:
                    raise
                self._page_size[0] = next((n for n in (100, 50, 10) if n < size), None)

    async def _get(
        self,
        path: str,
        scope: str,
        max_bytes: int,
        *,
        accept: str = _JSON,
        query: str = "",
        seconds: float | None = None,
    ) -> Answer:
        return await self._transport.send("GET", path, scope, max_bytes, accept=accept, query=query, seconds=seconds)


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def _manifest(repository: str, reference: str) -> str:
    return f"/v2/{repository}/manifests/{reference}"
