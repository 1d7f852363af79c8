"""An asynchronous client of the Distribution API: what Regdex reads from a registry, and nothing it could write.

Answers are hostile input: cursors can only lead to the same listing, digests are computed from the bytes, everything is
bounded. Failures are RegistryError; its problems are listed in docs/operations.md. The times of answers are described
in indexer/registry/answered.py.
"""

import copy
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from indexer import manifest as content
from indexer.registry.answered import Answered
from indexer.registry.credentials import Credentials
from indexer.registry.egress import Answer, HostRefused
from indexer.registry.links import is_same_name
from indexer.registry.listing import Listing, NamePage, PageSize
from indexer.registry.referrers import list_referrers
from indexer.registry.results import Fetched, Head, Missing, Referrers, Unchanged
from indexer.registry.transport import BLOCKED, PASSING, TRANSIENT, Limits, NotAsked, NotThere, Transport, parse_object
from regdex.digest import Digest, is_digest
from regdex.errors import RegistryError
from regdex.reference import check_repository, check_tag
from regdex.settings import Registry
from regdex.telemetry import ODD_CONTENT_TYPES

__all__ = [
    "BLOCKED",
    "PASSING",
    "TRANSIENT",
    "Answered",
    "Fetched",
    "Head",
    "Limits",
    "Missing",
    "NamePage",
    "NotThere",
    "Referrers",
    "RegistryClient",
    "Unchanged",
]

_ACCEPT = ", ".join(content.MEDIA_TYPES)
_JSON = "application/json"
MAX_REFUSED_HOSTS = 10


@dataclass(slots=True)
class _Learned:
    """What the answers have shown of a registry; all views of one client share it."""

    page_size: PageSize
    referrers_supported: bool | None = None
    heads_trusted: bool | None = None
    contradicted: int = 0  # HEADs in a row whose answer was not what GET then said


class RegistryClient:
    """Reads one registry. One per registry and process: concurrency, breaker, tokens and retries are kept here."""

    def __init__(
        self, registry: Registry, limits: Limits | None = None, credentials: Credentials | None = None
    ) -> None:
        self.name = registry.name
        self.concurrency = registry.concurrency
        self._transport = Transport(registry, limits or Limits(), credentials)
        self._limits = self._transport.limits
        self._learned = _Learned(PageSize(registry.page_size))
        self._refused_blob_hosts: dict[str, None] = {}

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
        return self._learned.referrers_supported

    @referrers_supported.setter
    def referrers_supported(self, value: bool | None) -> None:
        self._learned.referrers_supported = value

    @property
    def heads_trusted(self) -> bool | None:
        """False once HEAD has told twice in a row what GET did not; None before any HEAD was right or wrong.

        HEAD is not sent to a registry while this is False. Set it to what an earlier process has learned, or to None to
        find out again.
        """
        return self._learned.heads_trusted

    @heads_trusted.setter
    def heads_trusted(self, value: bool | None) -> None:
        self._learned.heads_trusted = value
        self._learned.contradicted = 0

    @property
    def rate_limited_until(self) -> datetime | None:
        """Until when the registry has asked to be left alone (429 with Retry-After), by this host's clock.

        None while it has not. The client asks again after 15 minutes even where the registry named a later time.
        """
        return self._transport.rate_limited_until

    @property
    def skew_seconds(self) -> float | None:
        """The registry's clock minus this host's, by its last answer; None where it sends no Date."""
        answered = self.last_answered
        return answered.skew_seconds if answered is not None else None

    @property
    def last_answered(self) -> Answered | None:
        """When the registry itself last answered; an answer of a host that it redirected to is none."""
        return self._transport.last_answered

    @property
    def refused_blob_hosts(self) -> tuple[str, ...]:
        """Hosts that blobs were redirected to and that `blob_hosts` would have to name; the first few."""
        return tuple(self._refused_blob_hosts)

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
        return await self._catalog().page(cursor)

    async def tags_page(self, repository: str, cursor: str | None = None) -> NamePage:
        """One page of tags; RegistryError `not_found` when there is no such repository."""
        return await self._tags(repository).page(cursor)

    def catalog(self, cursor: str | None = None) -> AsyncIterator[NamePage]:
        """All pages from `cursor` on. It ends with a RegistryError where the list is not whole (see listing.py)."""
        return self._catalog().pages(cursor)

    def tags(self, repository: str, cursor: str | None = None) -> AsyncIterator[NamePage]:
        """As `catalog`, of one repository's tags."""
        return self._tags(repository).pages(cursor)

    async def resolve(
        self, repository: str, reference: str, expected: Collection[Digest] = ()
    ) -> Unchanged | Fetched | Missing:
        """What `reference`, a tag or a digest, points to now. `expected` is what it is likely to point to still.

        HEAD is sent where something is expected, and believed where it answers 200 and names that. Whatever else it
        says (another digest, none, 404, 405, 500) is asked again by GET, and only GET's 404 is absence.
        """
        head = await self._ask_head(repository, reference) if expected and self.heads_trusted is not False else None
        if isinstance(head, Head) and head.media_type != "text/html" and head.digest and head.digest in expected:
            self._learned.heads_trusted, self._learned.contradicted = True, 0
            return Unchanged(head.answered, head.digest)
        try:
            fetched = await self.get_manifest(repository, reference)
        except NotThere as error:
            return Missing(error.answered)
        if head is not None:
            self._compare(head, fetched)
        return fetched

    async def _ask_head(self, repository: str, reference: str) -> Head | Missing | RegistryError:
        """HEAD once. Its failure is returned, because GET may work; but not that nothing may be asked at present."""
        try:
            return await self.head_manifest(repository, reference)
        except NotAsked:
            raise
        except RegistryError as error:
            if error.problem == "rate_limited":
                raise
            return error

    def _compare(self, head: Head | Missing | RegistryError, fetched: Fetched) -> None:
        """Learn from a HEAD and the GET after it. One contradiction may be a tag that moved in between; two are not."""
        if isinstance(head, Head) and head.digest is not None and head.digest in (fetched.digest, fetched.claimed):
            self._learned.heads_trusted, self._learned.contradicted = True, 0
            return
        self._learned.contradicted += 1
        if self._learned.contradicted > 1:
            self._learned.heads_trusted = False

    async def head_manifest(self, repository: str, reference: str) -> Head | Missing:
        """What HEAD says of `reference`: a claim, which registries get wrong. `resolve` tells what is so."""
        try:
            answer = await self._transport.send(
                "HEAD", _manifest(repository, reference), _pull(repository), accept=_ACCEPT, attempts=1
            )
        except NotThere as error:
            return Missing(error.answered)
        return Head(answer.answered, _claimed(answer), answer.media_type)

    async def get_manifest(self, repository: str, reference: str) -> Fetched:
        """The manifest that `reference` points to now. By digest, RegistryError `digest_mismatch` if it is another.

        The bytes decide what it is. Registries send manifests as application/json, text/plain or without a type.
        """
        answer = await self._get(
            _manifest(repository, reference), _pull(repository), self._limits.manifest_bytes, accept=_ACCEPT
        )
        claimed = _claimed(answer)
        asked = Digest.parse(reference) if is_digest(reference) else None
        named = asked or claimed
        digest = named if named is not None and named.fits(answer.body) else Digest.of(answer.body)
        if answer.media_type not in content.MEDIA_TYPES:
            if digest != asked and not content.looks_like_manifest(answer.body):
                raise RegistryError("unexpected_content", "not a manifest")
            ODD_CONTENT_TYPES.labels(self.name).inc()
        if asked is not None and digest != asked:
            raise RegistryError("digest_mismatch", "the bytes are not those that were asked for")
        return Fetched(answer.answered, digest, answer.media_type, answer.body, claimed)

    async def get_blob(self, repository: str, digest: Digest, *, max_bytes: int) -> bytes:
        """The bytes of a blob, checked against its digest."""
        try:
            answer = await self._get(f"/v2/{repository}/blobs/{digest}", _pull(repository), max_bytes)
        except HostRefused as error:
            if len(self._refused_blob_hosts) < MAX_REFUSED_HOSTS:
                self._refused_blob_hosts[error.host] = None
            raise RegistryError(
                "blob_host_not_allowed", f"blobs are redirected to {error.host}: name it in blob_hosts"
            ) from error
        if not digest.fits(answer.body):
            raise RegistryError("digest_mismatch", "the blob is not what was asked for")
        return answer.body

    async def referrers(self, repository: str, digest: Digest) -> Referrers:
        """List the manifests that refer to `digest`: by the referrers API, or by the fallback tag where there is none.

        The first call finds out which of the two. A list by the API that could not be read to its end has a `problem`;
        an index of a fallback tag is cut as every index is, and stored as `truncated` when its tag is read.
        OCI distribution specification, "Listing Referrers".
        """
        if self.referrers_supported is not False:
            path = f"/v2/{repository}/referrers/{digest}"
            ask = partial(self._get, path, _pull(repository), self._limits.manifest_bytes)
            try:
                listed = await list_referrers(lambda query: ask(query=query), path)
            except RegistryError as error:
                if error.problem not in ("not_found", "unsupported"):
                    raise
                self.referrers_supported = False
            else:
                self.referrers_supported = True
                return Referrers(listed.answered, listed.digests, True, listed.problem)
        try:
            fetched = await self.get_manifest(repository, str(digest).replace(":", "-"))
        except NotThere as error:
            return Referrers(error.answered, (), False)
        parsed = content.parse_manifest(fetched.content, fetched.digest, fetched.media_type)
        return Referrers(fetched.answered, tuple(child.digest for child in parsed.children), False)

    def _catalog(self) -> Listing:
        return self._listing("/v2/_catalog", "registry:catalog:*", partial(_entries, "repositories"), check_repository)

    def _tags(self, repository: str) -> Listing:
        pick = partial(_entries, "tags", repository=repository)
        return self._listing(f"/v2/{repository}/tags/list", _pull(repository), pick, check_tag)

    def _listing(
        self, path: str, scope: str, pick: Callable[[Answer], list[Any]], check: Callable[[str], None]
    ) -> Listing:
        limits = self._limits

        async def ask(query: str) -> Answer:
            answer = await self._get(path, scope, limits.listing_bytes, seconds=limits.listing_seconds, query=query)
            # Counted before it is parsed: a few MiB of empty lists take hundreds of MiB.
            if answer.body.count(b",") > 2 * limits.names:
                raise RegistryError("too_large", f"more than {2 * limits.names} entries on a page")
            return answer

        return Listing(path, ask, pick, check, self._learned.page_size, max_pages=limits.pages, max_names=limits.names)

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


def _claimed(answer: Answer) -> Digest | None:
    claimed = answer.headers.get("Docker-Content-Digest", "").strip().lower()
    return Digest.parse(claimed) if is_digest(claimed) else None


def _entries(key: str, answer: Answer, *, repository: str = "") -> list[Any]:
    """The list that a page holds under `key`."""
    document = parse_object(answer)
    entries = document.get(key, ())
    if entries is None:
        # Distribution before 3.1 says null for a repository without tags. It names the repository: a null without a
        # name, or with another one, may be the answer to something else.
        name = document.get("name")
        if not repository or (isinstance(name, str) and name and is_same_name(repository, name)):
            return []
    if not isinstance(entries, list):
        raise RegistryError("unexpected_content", f"{key} is not a list")
    return entries
