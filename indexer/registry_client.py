"""An asynchronous client of the Distribution API: what Regdex reads from a registry, and nothing it could write.

Answers are hostile input: paged by cursors that can only lead to the same listing, digests computed from the bytes,
everything bounded. Failures are RegistryError; its problems are listed in docs/operations.md.
"""

import asyncio
import copy
import hashlib
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import orjson
from pydantic import SecretStr
from yarl import URL

from indexer import content, egress
from indexer.breaker import Breaker, RetryBudget
from indexer.egress import Answer, Egress
from indexer.registry_auth import RegistryAuth
from regdex.digest import ALGORITHMS, Digest, is_digest
from regdex.errors import InvalidArgument, RegistryError
from regdex.reference import check_repository, check_tag
from regdex.settings import Registry, read_secret

# Of the whole registry, and passing: ask again later.
TRANSIENT = frozenset({"unavailable", "rate_limited", "too_slow"})
# Of the settings: nothing can be read until somebody changes them.
BLOCKED = frozenset({"unauthorized", "forbidden", "auth_host_not_allowed"})
LONGEST_RETRY_AFTER_SECONDS = 15 * 60
LONGEST_LINK = 8192

_ACCEPT = ", ".join(content.MEDIA_TYPES)
_CURSOR = re.compile(r"[\x21-\x7e]{1,2048}")
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[A-Za-z*]+\s*=\s*(?:"[^"]*"|[^\s;,"]+))*)\s*(?:,|$)')
_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=[\s;]|$))', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what is read. `attempts` is of one request; `patience_seconds` how long it may wait in line."""

    http: egress.Limits = field(default_factory=egress.Limits)
    listing_bytes: int = 64 * 1024 * 1024
    listing_seconds: float = 300
    manifest_bytes: int = 4 * 1024 * 1024
    pages: int = 20_000
    attempts: int = 4
    backoff_seconds: float = 0.25
    patience_seconds: float = 5
    breaker_threshold: int = 5
    breaker_seconds: float = 2


@dataclass(frozen=True, slots=True)
class NamePage:
    """One page of a listing, in the registry's order. `rejected` counts entries that are no names; None ends it."""

    names: tuple[str, ...]
    rejected: int
    next: str | None
    at: datetime


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


class NotThere(RegistryError):
    """`not_found`, and when the registry said so."""

    def __init__(self, at: datetime) -> None:
        super().__init__("not_found", "answered 404")
        self.at = at


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


@dataclass(slots=True)
class _Shared:
    """What all views of one client share."""

    slots: asyncio.Semaphore
    breaker: Breaker
    budget: RetryBudget = field(default_factory=RetryBudget)
    request_count: int = 0
    resume_at: float = 0.0  # after a 429 with Retry-After nobody asks before this
    page_size: int | None = None
    referrers_supported: bool | None = None


class RegistryClient:
    """Reads one registry. One per registry and process: concurrency, breaker, tokens and retries are kept here."""

    def __init__(self, registry: Registry, limits: Limits | None = None) -> None:
        self.name = registry.name
        self.limits = limits or Limits()
        self.concurrency = registry.concurrency
        self._patience = self.limits.patience_seconds
        self._egress = Egress(registry, self.limits.http)
        password = read_secret(registry.password_file) if registry.password_file else SecretStr("")
        self._auth = RegistryAuth(self._egress, registry.username, password)
        base = URL(registry.url)
        self._prefix = "/".join(part.strip("/") for part in ("", base.path, registry.path_prefix) if part.strip("/"))
        self._prefix = f"/{self._prefix}" if self._prefix else ""
        self._origin = base.origin()
        self._shared = _Shared(
            asyncio.Semaphore(registry.concurrency),
            Breaker(threshold=self.limits.breaker_threshold, first_seconds=self.limits.breaker_seconds),
            page_size=registry.page_size,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._egress.close()

    def patient(self, seconds: float) -> Self:
        """The same client for a caller who would rather wait up to `seconds` in line than fail."""
        view = copy.copy(self)
        view._patience = seconds
        return view

    @property
    def request_count(self) -> int:
        """HTTP requests made so far, those for tokens apart."""
        return self._shared.request_count

    @property
    def referrers_supported(self) -> bool | None:
        """Whether there is a referrers API; None before the first `referrers`. May be set from what is stored."""
        return self._shared.referrers_supported

    @referrers_supported.setter
    def referrers_supported(self, value: bool | None) -> None:
        self._shared.referrers_supported = value

    def wait_seconds(self) -> float:
        """How long the registry, or our breaker, wants nothing asked; 0: go on."""
        return max(self._shared.resume_at - time.monotonic(), self._shared.breaker.wait_seconds(), 0)

    async def ping(self) -> None:
        """Check that it is a registry and that our credentials are good."""
        answer = await self._get("/v2/", scope="ping", max_bytes=64 * 1024)
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
            answer = await self._send("HEAD", _manifest(repository, reference), _pull(repository), accept=_ACCEPT)
        except NotThere as error:
            return Missing(error.at)
        if answer.media_type not in content.MEDIA_TYPES:
            raise RegistryError("unexpected_content", "not the type of a manifest")
        claimed = answer.headers.get("Docker-Content-Digest", "")
        return Head(Digest.parse(claimed) if is_digest(claimed) else None, answer.media_type, _date(answer))

    async def get_manifest(self, repository: str, reference: str) -> Fetched:
        """The manifest that `reference` points to now. By digest, RegistryError `digest_mismatch` if it is another."""
        answer = await self._get(
            _manifest(repository, reference), _pull(repository), self.limits.manifest_bytes, accept=_ACCEPT
        )
        if answer.media_type not in content.MEDIA_TYPES:
            raise RegistryError("unexpected_content", "not the type of a manifest")
        asked = reference if is_digest(reference) else answer.headers.get("Docker-Content-Digest", "")
        digest = content.digest_as(answer.body, Digest.parse(asked) if is_digest(asked) else None)
        if is_digest(reference) and str(digest) != reference:
            raise RegistryError("digest_mismatch", "the bytes are not those that were asked for")
        return Fetched(digest, answer.media_type, answer.body, _date(answer))

    async def get_blob(self, repository: str, digest: Digest, *, max_bytes: int) -> bytes:
        """The bytes of a blob, checked against its digest."""
        answer = await self._get(f"/v2/{repository}/blobs/{digest}", _pull(repository), max_bytes)
        name = next(name for name, number in ALGORITHMS.items() if number == digest.algorithm)
        if hashlib.new(name, answer.body).digest() != digest.hash:
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
        for _ in range(100):
            answer = await self._get(path, scope, self.limits.manifest_bytes, query=cursor or "")
            manifests = _json(answer).get("manifests")
            if not isinstance(manifests, list | None):
                raise RegistryError("unexpected_content", "manifests is not a list")
            for entry in manifests or ():
                text = entry.get("digest") if isinstance(entry, dict) else None
                if isinstance(text, str) and is_digest(text):
                    found[Digest.parse(text)] = None
            cursor = self._next(answer, path)
            if cursor is None or len(found) > content.MOST_CHILDREN:
                break
        return tuple(found)[: content.MOST_CHILDREN], _date(answer)

    async def _pages(self, page: Callable[[str | None], Any], cursor: str | None) -> AsyncIterator[NamePage]:
        seen = {cursor}
        for _ in range(self.limits.pages):
            current: NamePage = await page(cursor)
            yield current
            cursor = current.next
            if cursor is None:
                return
            if cursor in seen:
                raise RegistryError("unexpected_content", "the pages form a circle")
            seen.add(cursor)
        raise RegistryError("too_large", f"more than {self.limits.pages} pages")

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
        document = _json(answer)
        entries = document.get(key, ())
        if entries is None and (not repository or document.get("name") == repository):
            entries = []  # Distribution before 3.1 says null for a repository without tags
        if not isinstance(entries, list):
            raise RegistryError("unexpected_content", f"{key} is not a list")
        names: dict[str, None] = {}
        rejected = 0
        for entry in entries:
            try:
                if not isinstance(entry, str):
                    raise InvalidArgument("not text")
                check(entry)
                names[entry] = None
            except InvalidArgument:
                rejected += 1
        return NamePage(tuple(names), rejected, self._next(answer, path), _date(answer))

    async def _list(self, path: str, scope: str, cursor: str | None) -> Answer:
        """A page; where the registry refuses our page size, a smaller one, and from then on that."""
        if cursor is not None:
            return await self._get(path, scope, self.limits.listing_bytes, query=cursor, is_listing=True)
        while True:
            size = self._shared.page_size
            try:
                query = f"n={size}" if size else ""
                return await self._get(path, scope, self.limits.listing_bytes, query=query, is_listing=True)
            except RegistryError as error:
                if error.problem != "unsupported" or not size:
                    raise
                self._shared.page_size = next((n for n in (100, 50, 10) if n < size), None)

    def _next(self, answer: Answer, path: str) -> str | None:
        """The cursor of the next page: the query of the Link, which may lead to the same listing only."""
        header = ", ".join(answer.headers.getall("Link", ()))
        if not header:
            return None
        targets = [match[1] for match in _LINK.finditer(header[:LONGEST_LINK]) if _NEXT.search(match[2])]
        if not targets:
            if re.search(r"rel\s*=\s*\"?next", header, re.IGNORECASE):
                raise RegistryError("unexpected_content", "the Link cannot be read")
            return None
        try:
            here = self._origin.with_path(self._prefix + path)
            target = here.join(URL(targets[0], encoded=True))
            same_origin = target.origin() == self._origin and target.user is None
        except ValueError:
            raise RegistryError("unexpected_content", "the Link is not a URL") from None
        if not same_origin or unquote(target.raw_path) not in (self._prefix + path, path):
            raise RegistryError("unexpected_content", "the Link leads elsewhere")
        if not _CURSOR.fullmatch(target.raw_query_string):
            raise RegistryError("unexpected_content", "the Link leads nowhere")
        return target.raw_query_string

    async def _get(
        self,
        path: str,
        scope: str,
        max_bytes: int,
        *,
        accept: str = "application/json",
        query: str = "",
        is_listing: bool = False,
    ) -> Answer:
        seconds = self.limits.listing_seconds if is_listing else None
        return await self._send("GET", path, scope, max_bytes, accept=accept, query=query, seconds=seconds)

    async def _send(
        self,
        method: str,
        path: str,
        scope: str,
        max_bytes: int = 0,
        *,
        accept: str,
        query: str = "",
        seconds: float | None = None,
    ) -> Answer:
        """Ask until there is an answer that is no passing trouble, within attempts, budget and patience."""
        url = self._origin.with_path(self._prefix + path)
        if query:
            url = URL(f"{url}?{query}", encoded=True)
        shared, attempt = self._shared, 0
        while True:
            await self._wait_in_line()
            async with shared.slots:
                if self.wait_seconds() > 0:
                    continue  # trouble began while we waited for a slot
                attempt += 1
                shared.budget.earn()
                try:
                    return await self._ask(method, url, scope, max_bytes, {"Accept": accept}, seconds)
                except RegistryError as error:
                    if error.problem not in TRANSIENT or attempt >= self.limits.attempts or not shared.budget.spend():
                        raise
            await asyncio.sleep(self.limits.backoff_seconds * 2**attempt * random.uniform(0.5, 1))  # noqa: S311

    async def _wait_in_line(self) -> None:
        deadline = time.monotonic() + self._patience
        while (seconds := self.wait_seconds()) > 0:
            if time.monotonic() + seconds > deadline:
                problem = "rate_limited" if self._shared.resume_at > time.monotonic() else "unavailable"
                raise RegistryError(problem, "not asked, to let it recover", retry_after_seconds=seconds)
            await asyncio.sleep(seconds)

    async def _ask(
        self, method: str, url: URL, scope: str, max_bytes: int, headers: Mapping[str, str], seconds: float | None
    ) -> Answer:
        breaker = self._shared.breaker
        breaker.enter()
        try:
            answer = await self._authorized(method, url, scope, max_bytes, headers, seconds)
            self._check_status(answer)
        except RegistryError as error:
            if error.problem in ("unavailable", "too_slow"):
                breaker.fail()
            else:
                breaker.succeed()
            raise
        except BaseException:
            breaker.abandon()
            raise
        breaker.succeed()
        return answer

    async def _authorized(
        self, method: str, url: URL, scope: str, max_bytes: int, headers: Mapping[str, str], seconds: float | None
    ) -> Answer:
        """With what proves who we are; a 401 is answered once."""
        credentials = await self._auth.authorization(scope)
        for attempt in (1, 2):
            self._shared.request_count += 1
            answer = await self._egress.send(
                method,
                url,
                max_bytes=max_bytes,
                headers=headers,
                credentials=credentials,
                total_seconds=seconds,
            )
            if answer.status != 401 or attempt == 2:
                break
            credentials = await self._auth.renew(scope, credentials, answer.headers.getall("WWW-Authenticate", ()))
        return answer

    def _check_status(self, answer: Answer) -> None:
        status = answer.status
        if status == 200:
            return
        if status == 501:
            raise RegistryError("unsupported", "answered 501")
        if status == 404 and answer.media_type == "text/html":
            raise RegistryError("unexpected_content", "a web page, not a registry's answer")
        if status == 429:
            seconds = retry_after_seconds(answer.headers.get("Retry-After", ""))
            if seconds is not None:
                self._shared.resume_at = max(self._shared.resume_at, time.monotonic() + seconds)
            raise RegistryError("rate_limited", retry_after_seconds=seconds or 0)
        if status >= 500:
            raise RegistryError(
                "unavailable",
                f"answered {status}",
                retry_after_seconds=retry_after_seconds(answer.headers.get("Retry-After", "")) or 0,
            )
        if status == 404:
            raise NotThere(_date(answer))
        problems = {400: "unsupported", 401: "unauthorized", 403: "forbidden", 405: "unsupported"}
        raise RegistryError(problems.get(status, "unexpected_content"), f"answered {status}")


def retry_after_seconds(value: str, now: datetime | None = None) -> float | None:
    """Retry-After as seconds, at most 15 minutes; both forms of RFC 9110 §10.2.3. None for anything else."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,10}", value):
        return float(min(int(value), LONGEST_RETRY_AFTER_SECONDS))
    at = _parse_date(value)
    if at is None:
        return None
    return min(max((at - (now or datetime.now(UTC))).total_seconds(), 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _parse_date(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _date(answer: Answer) -> datetime:
    """The registry's clock when it answered; ours where its Date is missing or not believable.

    Date has whole seconds: ours is taken where it lies in that second, else the second's end, so that nothing is seen
    before it happened.
    """
    now = datetime.now(UTC)
    at = _parse_date(answer.headers.get("Date", ""))
    if at is None or at.year < 2000 or at > now + timedelta(days=366) or at <= now < at + timedelta(seconds=1):
        return now
    return at + timedelta(microseconds=999_999)


def _json(answer: Answer) -> dict[str, Any]:
    """The object that an answer holds; a login page, a list, a broken document are `unexpected_content`."""
    if answer.media_type != "application/json" and not answer.media_type.endswith("+json"):
        raise RegistryError("unexpected_content", "not the Content-Type of JSON")
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise RegistryError("unexpected_content", "not JSON") from None
    if not isinstance(document, dict):
        raise RegistryError("unexpected_content", "not an object")
    return document


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def _manifest(repository: str, reference: str) -> str:
    return f"/v2/{repository}/manifests/{reference}"
