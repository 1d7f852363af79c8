"""Asks one registry: with proof of who we are, in line with everybody else, again where that may help.

Concurrency, breaker, retry budget and what the registry asked to wait are shared by all that goes to one registry.
"""

import asyncio
import copy
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self

import orjson
from pydantic import SecretStr
from yarl import URL

from indexer.registry import egress
from indexer.registry.authentication import RegistryAuth
from indexer.registry.egress import Answer, Egress
from regdex.errors import RegistryError
from regdex.network.breaker import Breaker, RetryBudget
from regdex.settings import Registry, read_secret

# Of the whole registry, and passing: ask again later.
TRANSIENT = frozenset({"unavailable", "rate_limited", "too_slow"})
# Of the settings: nothing can be read until somebody changes them.
BLOCKED = frozenset({"unauthorized", "forbidden", "auth_host_not_allowed"})
LONGEST_RETRY_AFTER_SECONDS = 15 * 60


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


class NotThere(RegistryError):
    """`not_found`, and when the registry said so."""

    def __init__(self, at: datetime) -> None:
        super().__init__("not_found", "answered 404")
        self.at = at


@dataclass(slots=True)
class _Shared:
    """What all views of one transport share."""

    slots: asyncio.Semaphore
    breaker: Breaker
    budget: RetryBudget = field(default_factory=RetryBudget)
    request_count: int = 0
    resume_at: float = 0.0  # after a 429 with Retry-After nobody asks before this


class Transport:
    """HTTP to one registry's API; paths begin with /v2/."""

    def __init__(self, registry: Registry, limits: Limits) -> None:
        self.limits = limits
        self._patience = limits.patience_seconds
        self._egress = Egress(registry, limits.http)
        password = read_secret(registry.password_file) if registry.password_file else SecretStr("")
        self._auth = RegistryAuth(self._egress, registry.username, password)
        base = URL(registry.url)
        parts = [part.strip("/") for part in (base.path, registry.path_prefix) if part.strip("/")]
        self.prefix = "".join(f"/{part}" for part in parts)
        self.origin = base.origin()
        self._shared = _Shared(
            asyncio.Semaphore(registry.concurrency),
            Breaker(threshold=limits.breaker_threshold, first_seconds=limits.breaker_seconds),
        )

    async def close(self) -> None:
        await self._egress.close()

    def patient(self, seconds: float) -> Self:
        """The same for a caller who would rather wait up to `seconds` in line than fail."""
        view = copy.copy(self)
        view._patience = seconds
        return view

    @property
    def request_count(self) -> int:
        return self._shared.request_count

    def wait_seconds(self) -> float:
        """How long the registry, or our breaker, wants nothing asked; 0: go on."""
        return max(self._shared.resume_at - time.monotonic(), self._shared.breaker.wait_seconds(), 0)

    async def send(
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
        url = self.origin.with_path(self.prefix + path)
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
            raise NotThere(answered_at(answer))
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


def answered_at(answer: Answer) -> datetime:
    """The registry's clock when it answered; ours where its Date is missing or not believable.

    Date has whole seconds: ours is taken where it lies in that second, else the second's end, so that nothing is seen
    before it happened.
    """
    now = datetime.now(UTC)
    at = _parse_date(answer.headers.get("Date", ""))
    if at is None or at.year < 2000 or at > now + timedelta(days=366) or at <= now < at + timedelta(seconds=1):
        return now
    return at + timedelta(microseconds=999_999)


def parse_object(answer: Answer) -> dict[str, Any]:
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
