"""An asynchronous, read-only client of the Distribution API.

Answers are hostile input: a cursor is used only for the listing it came from, digests are computed from the bytes, and
every answer is bounded. Failures are RegistryError; docs/operations.md lists its problems. For the times of answers see
indexer/registry/answered.py.
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
from indexer.registry.authentication import NoToken
from indexer.registry.credentials import Credentials
from indexer.registry.egress import Answer, HostRefused
from indexer.registry.links import is_same_name
from indexer.registry.listing import Listing, NamePage, PageSize
from indexer.registry.referrers import list_referrers
from indexer.registry.results import Fetched, Head, Missing, Referrers, Unchanged
from indexer.registry.transport import (
    BLOCKED,
    PASSING,
    TRANSIENT,
    Limits,
    NotAsked,
    NotThere,
    Transport,
    WebPage,
    parse_object,
)
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
    "NoToken",
    "NotAsked",
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
    """What the client has learned about a registry from its answers; all views of one client share it."""

    page_size: PageSize
    referrers_supported: bool | None = None
    heads_trusted: bool | None = None
    contradicted: int = 0  # successive HEADs whose answer GET contradicted


class RegistryClient:
    """Reads one registry. Use one for each registry and process: it keeps the limits, the breaker and the tokens."""

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
        """Return a view of this client whose requests wait up to `seconds` for their turn before they fail."""
        view = copy.copy(self)
        view._transport = self._transport.patient(seconds)
        return view

    @property
    def request_count(self) -> int:
        """The number of HTTP requests so far, without those for tokens."""
        return self._transport.request_count

    @property
    def referrers_supported(self) -> bool | None:
        """Whether the registry has the referrers API; None before the first call of `referrers`."""
        return self._learned.referrers_supported

    @referrers_supported.setter
    def referrers_supported(self, value: bool | None) -> None:
        self._learned.referrers_supported = value

    @property
    def heads_trusted(self) -> bool | None:
        """False once GET has contradicted HEAD twice in a row; None before any HEAD was confirmed or contradicted.

        HEAD is not sent to a registry while this is False. Set it to the value that an earlier process learned, or to
        None to learn it again.
        """
        return self._learned.heads_trusted

    @heads_trusted.setter
    def heads_trusted(self, value: bool | None) -> None:
        self._learned.heads_trusted = value
        self._learned.contradicted = 0

    @property
    def rate_limited_until(self) -> datetime | None:
        """The time until which the registry refuses requests (429 with Retry-After), by this host's clock.

        None when it refuses none. The client sends requests again after 15 minutes, even if the registry named a later
        time.
        """
        return self._transport.rate_limited_until

    @property
    def skew_seconds(self) -> float | None:
        """The registry's clock minus this host's, from the last answer; None where the registry sends no Date."""
        answered = self.last_answered
        return answered.skew_seconds if answered is not None else None

    @property
    def last_answered(self) -> Answered | None:
        """The times of the registry's last answer; answers of hosts that it redirected to do not count."""
        return self._transport.last_answered

    @property
    def refused_blob_hosts(self) -> tuple[str, ...]:
        """The first hosts that blobs were redirected to and that `blob_hosts` does not name; at most ten."""
        return tuple(self._refused_blob_hosts)

    def wait_seconds(self) -> float:
        """Return for how long Retry-After or the breaker forbid requests; 0 if one may be sent now."""
        return self._transport.wait_seconds()

    async def ping(self) -> None:
        """Check that `/v2/` answers as a registry does and accepts the credentials; RegistryError otherwise."""
        answer = await self._get("/v2/", "ping", 64 * 1024)
        if answer.media_type == "text/html":
            raise RegistryError("unexpected_content", "not an answer of a registry")

    async def catalog_page(self, cursor: str | None = None) -> NamePage:
        """Return one page of repository names."""
        return await self._catalog().page(cursor)

    async def tags_page(self, repository: str, cursor: str | None = None) -> NamePage:
        """Return one page of tags; RegistryError `not_found` when there is no such repository."""
        return await self._tags(repository).page(cursor)

    def catalog(self, cursor: str | None = None) -> AsyncIterator[NamePage]:
        """Yield all pages from `cursor` on; RegistryError after the last one that can be read (see listing.py)."""
        return self._catalog().pages(cursor)

    def tags(self, repository: str, cursor: str | None = None) -> AsyncIterator[NamePage]:
        """Yield all pages of one repository's tags, as `catalog` does."""
        return self._tags(repository).pages(cursor)

    async def resolve(
        self, repository: str, reference: str, expected: Collection[Digest] = ()
    ) -> Unchanged | Fetched | Missing:
        """Return what `reference`, a tag or a digest, points to now. `expected` are digests that it may still point to.

        With `expected`, sends HEAD first, and believes it only if it answers 200 with one of these digests. After any
        other answer (another digest, none, 404, 405, 500) sends GET. Only a 404 to GET means that it is missing.
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
        """Send HEAD once. Return its failure, because GET may succeed; raise if no request may be sent at present."""
        try:
            return await self.head_manifest(repository, reference)
        except NotAsked:
            raise
        except RegistryError as error:
            if error.problem == "rate_limited" and error.retry_after_seconds:
                raise
            return error

    def _compare(self, head: Head | Missing | RegistryError, fetched: Fetched) -> None:
        """Update `heads_trusted` from a HEAD and the GET after it.

        A single contradiction may mean that the tag moved between the two; two in a row mean that HEAD is wrong.
        """
        if isinstance(head, Head) and head.digest is not None and head.digest in (fetched.digest, fetched.claimed):
            self._learned.heads_trusted, self._learned.contradicted = True, 0
            return
        self._learned.contradicted += 1
        if self._learned.contradicted > 1:
            self._learned.heads_trusted = False

    async def head_manifest(self, repository: str, reference: str) -> Head | Missing:
        """Return the claims of HEAD about `reference`, which may be wrong; `resolve` verifies them."""
        try:
            answer = await self._transport.send(
                "HEAD", _manifest(repository, reference), _pull(repository), accept=_ACCEPT, attempts=1
            )
        except NotThere as error:
            return Missing(error.answered)
        return Head(answer.answered, _claimed(answer), answer.media_type)

    async def get_manifest(self, repository: str, reference: str) -> Fetched:
        """Return the manifest that `reference` points to now.

        Raises RegistryError `digest_mismatch` if `reference` is a digest and the bytes have another. The bytes decide
        whether it is a manifest: registries send manifests as application/json, text/plain or without a type, and
        empty or cut bodies and errors with the type of a manifest. A damaged manifest is accepted where its digest was
        asked for or is in the header.
        """
        answer = await self._get(
            _manifest(repository, reference), _pull(repository), self._limits.manifest_bytes, accept=_ACCEPT
        )
        claimed = _claimed(answer)
        asked = Digest.parse(reference) if is_digest(reference) else None
        named = asked or claimed
        digest = named if named is not None and named.fits(answer.body) else Digest.of(answer.body)
        is_typed = answer.media_type in content.MEDIA_TYPES
        is_proven = digest == asked or (is_typed and (asked is not None or digest == claimed))
        if not is_proven and not content.looks_like_manifest(answer.body):
            raise RegistryError("unexpected_content", "not a manifest")
        if not is_typed:
            ODD_CONTENT_TYPES.labels(self.name).inc()
        if asked is not None and digest != asked:
            raise RegistryError("digest_mismatch", "the bytes have another digest than the one requested")
        return Fetched(answer.answered, digest, answer.media_type, answer.body, claimed)

    async def get_blob(self, repository: str, digest: Digest, *, max_bytes: int) -> bytes:
        """Return the bytes of a blob; RegistryError `digest_mismatch` if they have another digest."""
        try:
            answer = await self._get(f"/v2/{repository}/blobs/{digest}", _pull(repository), max_bytes)
        except HostRefused as error:
            if len(self._refused_blob_hosts) < MAX_REFUSED_HOSTS:
                self._refused_blob_hosts[error.host] = None
            raise RegistryError(
                "blob_host_not_allowed", f"blobs are redirected to {error.host}: name it in blob_hosts"
            ) from error
        if not digest.fits(answer.body):
            raise RegistryError("digest_mismatch", "the blob has another digest than the one requested")
        return answer.body

    async def referrers(self, repository: str, digest: Digest) -> Referrers:
        """List the manifests that refer to `digest`: by the referrers API, or by the fallback tag where there is none.

        The first call finds out which of the two; a 404 of an API that has answered before is about that digest alone.
        A list by the API that could not be read to its end has a `problem`; an index of a fallback tag is cut as every
        index is, and stored as `truncated` when its tag is read.
        OCI distribution specification, "Listing Referrers".
        """
        if self.referrers_supported is not False:
            path = f"/v2/{repository}/referrers/{digest}"
            ask = partial(self._get, path, _pull(repository), self._limits.manifest_bytes)
            try:
                listed = await list_referrers(lambda query: ask(query=query), path)
            except RegistryError as error:
                # The web server of a registry without the API may answer with its own page.
                is_absent = isinstance(error, WebPage) and not self.referrers_supported
                if not is_absent and error.problem not in ("not_found", "unsupported"):
                    raise
                self.referrers_supported = self.referrers_supported is True
            else:
                self.referrers_supported = True
                return Referrers(listed.answered, listed.digests, True, listed.problem)
        try:
            fetched = await self.get_manifest(repository, str(digest).replace(":", "-"))
        except NotThere as error:
            return Referrers(error.answered, (), self.referrers_supported is True)
        parsed = content.parse_manifest(fetched.content, fetched.digest, fetched.media_type)
        return Referrers(
            fetched.answered, tuple(child.digest for child in parsed.children), self.referrers_supported is True
        )

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
            # Count before parsing: a few MiB of empty lists take hundreds of MiB when parsed.
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
    """Return the list that a page has under `key`."""
    document = parse_object(answer)
    entries = document.get(key)
    if entries is None and (repository or key in document):
        # Distribution before 3.1 sends null for a repository without tags, together with its name; others leave the
        # list out. A null without a name, or with another one, may be the answer to another request.
        name = document.get("name")
        if not repository or (isinstance(name, str) and name and is_same_name(repository, name)):
            return []
    if not isinstance(entries, list):
        raise RegistryError("unexpected_content", f"{key} is not a list")
    return entries
