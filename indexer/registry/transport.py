"""Sends requests to one registry: authenticated, within the concurrency limit, and again after transient failures.

All requests to one registry share the concurrency limit, the breaker, the retry budget and the time of a Retry-After.
"""

import asyncio
import copy
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import orjson
from yarl import URL

from indexer.registry import egress
from indexer.registry.answered import (
    MAX_RETRY_AFTER_SECONDS,
    Answered,
    parse_retry_after,
    retry_after_seconds,
)
from indexer.registry.authentication import RegistryAuth
from indexer.registry.credentials import Credentials, FileCredentials
from indexer.registry.egress import SPEAKS_TLS, Answer, Egress, FailedElsewhere, Unreachable
from indexer.registry.outage import Outage
from regdex.errors import RegistryError
from regdex.network.breaker import Breaker, RetryBudget
from regdex.settings import Registry

# Problems of the whole registry that pass by themselves.
TRANSIENT = frozenset({"unavailable", "rate_limited", "too_slow"})
# Problems of the settings: nothing can be read until somebody changes them.
BLOCKED = frozenset({"unauthorized", "forbidden", "auth_host_not_allowed"})
# After these problems the same request may be answered later.
PASSING = TRANSIENT | BLOCKED
PROBE_BYTES = 64 * 1024
MAX_AUTHORIZATIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of requests and listings. A request has `attempts`, and waits up to `patience_seconds` for its turn."""

    http: egress.Limits = field(default_factory=egress.Limits)
    listing_bytes: int = 16 * 1024 * 1024
    listing_seconds: float = 300
    manifest_bytes: int = 4 * 1024 * 1024
    pages: int = 20_000
    names: int = 1_000_000
    attempts: int = 4
    backoff_seconds: float = 0.25
    patience_seconds: float = 5
    breaker_threshold: int = 5
    breaker_seconds: float = 2


_ASKS_FOR_TLS = re.compile(
    rb"HTTP request (?:was sent )?to (?:an )?HTTPS (?:server|port)|plain HTTP to an SSL-enabled", re.IGNORECASE
)


# The statuses 400, 405, 413, 416 and 422 refuse the request as it is, for example its number of names.
_PROBLEMS = {401: "unauthorized", 403: "forbidden", 429: "rate_limited"} | dict.fromkeys(
    (400, 405, 413, 416, 422), "unsupported"
)


class WebPage(RegistryError):
    """`unexpected_content`: a 404 that no registry has sent, but a web server in front of it."""

    def __init__(self) -> None:
        super().__init__("unexpected_content", "a web page, not an answer of a registry")


class NotThere(RegistryError):
    """`not_found`, with the times of the answer."""

    def __init__(self, answered: Answered) -> None:
        super().__init__("not_found", "answered 404")
        self.answered = answered

    @property
    def at(self) -> datetime:
        return self.answered.at


class NotAsked(RegistryError):
    """`rate_limited` or `unavailable`: the request was not sent, because of a Retry-After or the open breaker."""


@dataclass(slots=True)
class _Shared:
    """The state that all views of one transport share."""

    slots: asyncio.Semaphore
    breaker: Breaker
    outage: Outage
    budget: RetryBudget = field(default_factory=RetryBudget)
    request_count: int = 0
    resume_at: float = 0.0  # time.monotonic() before which no request is sent, after a 429 with Retry-After
    limited_until: datetime | None = None  # the time in that 429, by this host's clock
    answered: Answered | None = None


class Transport:
    """HTTP to one registry's API; paths begin with /v2/."""

    def __init__(self, registry: Registry, limits: Limits, credentials: Credentials | None = None) -> None:
        self.limits = limits
        self._patience = limits.patience_seconds
        self._egress = Egress(registry, limits.http)
        self._auth = RegistryAuth(self._egress, credentials or FileCredentials(registry))
        base = URL(registry.url)
        parts = [part.strip("/") for part in (base.path, registry.path_prefix) if part.strip("/")]
        self.prefix = "".join(f"/{part}" for part in parts)
        self.origin = base.origin()
        breaker = Breaker(threshold=limits.breaker_threshold, first_seconds=limits.breaker_seconds)
        outage = Outage(breaker, self._answers, patience=limits.breaker_threshold)
        self._shared = _Shared(asyncio.Semaphore(registry.concurrency), breaker, outage)

    async def close(self) -> None:
        await self._egress.close()

    def patient(self, seconds: float) -> Self:
        """Return a view of this transport whose requests wait up to `seconds` for their turn before they fail."""
        view = copy.copy(self)
        view._patience = seconds
        return view

    @property
    def request_count(self) -> int:
        return self._shared.request_count

    @property
    def rate_limited_until(self) -> datetime | None:
        """The time until which a 429 refuses requests, at most a week ahead; None once requests are answered again."""
        until = self._shared.limited_until
        return until if until is not None and until > datetime.now(UTC) else None

    @property
    def last_answered(self) -> Answered | None:
        return self._shared.answered

    def wait_seconds(self) -> float:
        """Return for how long Retry-After or the breaker forbid requests; 0 if one may be sent now."""
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
        attempts: int | None = None,
    ) -> Answer:
        """Send a request, again after a transient failure, within attempts, retry budget and patience.

        `attempts` does not limit retries after 429: `limits.attempts` does, because all requests wait then.
        """
        url = self.origin.with_path(self.prefix + path)
        if query:
            url = URL(f"{url}?{query}", encoded=True)
        attempts = attempts or self.limits.attempts
        shared, attempt = self._shared, 0
        while True:
            await self._wait_in_line()
            async with shared.slots:
                if self.wait_seconds() > 0:
                    continue  # requests were forbidden while this one waited for a slot
                attempt += 1
                shared.budget.earn()
                try:
                    return await self._ask(method, url, scope, max_bytes, {"Accept": accept}, seconds)
                except RegistryError as error:
                    max_attempts = self.limits.attempts if error.problem == "rate_limited" else attempts
                    if error.problem not in TRANSIENT or attempt >= max_attempts or not shared.budget.spend():
                        raise
            await asyncio.sleep(self.limits.backoff_seconds * 2**attempt * random.uniform(0.5, 1))  # noqa: S311

    async def _wait_in_line(self) -> None:
        deadline = time.monotonic() + self._patience
        while (seconds := self.wait_seconds()) > 0:
            if time.monotonic() + seconds > deadline:
                problem = "rate_limited" if self._shared.resume_at > time.monotonic() else "unavailable"
                raise NotAsked(
                    problem, "no request was sent, so that the registry can recover", retry_after_seconds=seconds
                )
            await asyncio.sleep(seconds)

    async def _ask(
        self, method: str, url: URL, scope: str, max_bytes: int, headers: Mapping[str, str], seconds: float | None
    ) -> Answer:
        breaker, outage = self._shared.breaker, self._shared.outage
        breaker.enter()
        try:
            answer = await self._authorized(method, url, scope, max_bytes, headers, seconds)
            self._check_status(answer)
        except Unreachable:
            outage.cannot_connect()
            raise
        except RegistryError as error:
            if error.problem not in ("unavailable", "too_slow") or isinstance(error, FailedElsewhere):
                outage.succeed(scope)
            elif method == "HEAD":
                breaker.abandon()  # some registries do not support HEAD; GET decides
            else:
                await outage.fail(scope)
            raise
        except BaseException:
            breaker.abandon()
            raise
        outage.succeed(scope)
        return answer

    async def _answers(self) -> bool:
        """Return whether the registry answers `/v2/` with a status other than 5xx."""
        self._shared.request_count += 1
        try:
            url = self.origin.with_path(f"{self.prefix}/v2/")
            answer = await self._egress.send("GET", url, max_bytes=PROBE_BYTES)
        except RegistryError as error:
            return error.problem != "unavailable"
        return answer.status < 500

    async def _authorized(
        self, method: str, url: URL, scope: str, max_bytes: int, headers: Mapping[str, str], seconds: float | None
    ) -> Answer:
        """Send the request with credentials; on 401 renew them and send it once more.

        Requests that share a token may find that the renewed one has ended, too; then it is renewed again.
        """
        credentials = await self._auth.authorization(scope)
        for attempt in range(1, MAX_AUTHORIZATIONS + 1):
            self._shared.request_count += 1
            answer = await self._egress.send(
                method,
                url,
                max_bytes=max_bytes,
                headers=headers,
                credentials=credentials,
                total_seconds=seconds,
            )
            if answer.redirected_to or answer.status != 401:
                if answer.status != 401:
                    self._auth.accept(scope, credentials)
                break
            if attempt == MAX_AUTHORIZATIONS or (attempt > 1 and not self._auth.has_ended(scope, credentials)):
                break
            credentials = await self._auth.renew(scope, credentials, answer.headers.getall("WWW-Authenticate", ()))
        return answer

    def _check_status(self, answer: Answer) -> None:
        status = answer.status
        if not answer.redirected_to:
            self._shared.answered = answer.answered
        if status != 429 and self.wait_seconds() == 0:
            self._shared.limited_until = None
        if status == 200:
            return
        if status == 400 and _ASKS_FOR_TLS.search(answer.body[:PROBE_BYTES]):
            raise RegistryError("unavailable", SPEAKS_TLS)
        if status == 501:
            raise RegistryError("unsupported", "answered 501")
        if status == 404 and answer.media_type == "text/html":
            raise WebPage
        # Only the registry itself says that something does not exist, under its own host name.
        is_elsewhere = answer.redirected_to.rpartition(":")[0] not in ("", self.origin.host_subcomponent)
        if answer.redirected_to and (status != 404 or is_elsewhere):
            problem = "unavailable" if status >= 500 else _PROBLEMS.get(status, "unexpected_content")
            raise FailedElsewhere(
                problem,
                f"redirected to {answer.redirected_to}, which answered {status}",
                retry_after_seconds=retry_after_seconds(answer.headers.get("Retry-After", "")) or 0,
            )
        if status == 429:
            seconds_sent = parse_retry_after(answer.headers.get("Retry-After", ""))
            seconds = min(seconds_sent, MAX_RETRY_AFTER_SECONDS) if seconds_sent is not None else None
            if seconds_sent is not None and seconds is not None:
                until = datetime.now(UTC) + timedelta(seconds=seconds_sent)
                self._shared.limited_until = max(self._shared.limited_until or until, until)
                self._shared.resume_at = max(self._shared.resume_at, time.monotonic() + seconds)
            raise RegistryError("rate_limited", retry_after_seconds=seconds or 0)
        if status >= 500:
            raise RegistryError(
                "unavailable",
                f"answered {status}",
                retry_after_seconds=retry_after_seconds(answer.headers.get("Retry-After", "")) or 0,
            )
        if status == 404:
            raise NotThere(answer.answered)
        raise RegistryError(_PROBLEMS.get(status, "unexpected_content"), f"answered {status}")


def parse_object(answer: Answer) -> dict[str, Any]:
    """Return the JSON object in an answer; RegistryError `unexpected_content` for anything else.

    Its Content-Type may be any but text/html, because registries in object storage send arbitrary types.
    """
    if answer.media_type == "text/html":
        raise RegistryError("unexpected_content", "a web page, not JSON")
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise RegistryError("unexpected_content", "not JSON") from None
    if not isinstance(document, dict):
        raise RegistryError("unexpected_content", "not an object")
    return document
