"""Sends all HTTP requests to registries, and to the hosts that registries redirect to.

The origin (scheme, host, port) of the configured url and the configured `auth_hosts` are trusted by name. Redirects may
lead to `blob_hosts`, which never get credentials. Any other host that a registry names (realm, Location) is hostile:
its address must be public. This module follows redirects itself, without credentials, and limits each answer in bytes,
time and minimum speed.
"""

import asyncio
import os
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import aiohttp
from aiohttp.abc import AbstractCookieJar
from multidict import CIMultiDictProxy
from yarl import URL

import regdex
from indexer.registry.addresses import is_literal_of_inner_address, public_socket, refused_addresses
from indexer.registry.answered import Answered, answered_now
from regdex.errors import Misconfigured, RegistryError
from regdex.settings import Registry

USER_AGENT = f"regdex/{regdex.__version__} (+https://github.com/regdex/regdex)"
STRANGER_PORTS = frozenset({80, 443, 5000, 5001, 8443})
REDIRECTS = frozenset({301, 302, 303, 307, 308})

SPEAKS_TLS = "the port speaks TLS: begin the url with https://"
SPEAKS_PLAIN = "the port does not speak TLS: begin the url with http://, or name another port"
_TLS_ALERT = re.compile(r"\\x1[56]\\x03")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one answer. A body may pause for `grace_seconds`; after them the minimum speed applies."""

    connect_seconds: float = 10
    total_seconds: float = 30
    grace_seconds: float = 5
    min_bytes_per_second: int = 1024
    max_redirects: int = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `body` has no content coding and is at most as long as the request allowed.

    `redirected_to` is the host (with port) that sent it, where that is another origin than the requested one.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    answered: Answered
    redirected_to: str = ""

    @property
    def media_type(self) -> str:
        """Content-Type without parameters, lower case; empty where there is none."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Unreachable(RegistryError):
    """`unavailable` because no connection could be made, so the fault is not that of one URL."""

    def __init__(self, message: str) -> None:
        super().__init__("unavailable", message)


class FailedElsewhere(RegistryError):
    """The registry answered, but the host that it redirected to did not, or refused the request."""


class HostRefused(RegistryError):
    """`address_not_allowed`: an answer redirected to `host` (with port), which no setting allows."""

    def __init__(self, url: URL, reason: str) -> None:
        self.host = _host_of(url)
        super().__init__("address_not_allowed", f"redirected to {url.origin()}: {reason}")


class Egress:
    """Sends HTTP for one registry. Every failure is a RegistryError; cancellation passes through."""

    def __init__(self, registry: Registry, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.origin = URL(registry.url).origin()
        self._auth_hosts = frozenset(registry.auth_hosts)
        self._blob_hosts = frozenset(registry.blob_hosts)
        self._proxy = registry.proxy or None
        self._ssl = ssl.create_default_context()
        if registry.ca_file is not None:
            try:
                self._ssl.load_verify_locations(registry.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise Misconfigured(f"registries.{registry.name}.ca_file: {registry.ca_file}: {error}") from error
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def is_trusted(self, url: URL) -> bool:
        """Return whether `url` is at the registry's origin or one of its `auth_hosts` (`host` means any port)."""
        if url.scheme not in ("http", "https") or not url.host:
            return False
        return url.origin() == self.origin or _is_named(url, self._auth_hosts)

    def may_visit(self, url: URL) -> bool:
        """Return whether a redirect to `url` is allowed although the address is private: trusted, or a blob host."""
        return self.is_trusted(url) or _is_named(url, self._blob_hosts)

    def may_authenticate(self, url: URL) -> bool:
        """Return whether credentials may be sent to `url`: it is trusted, and not http where the registry is https."""
        return self.is_trusted(url) and not _is_downgrade(self.origin, url) and url.user is None

    async def send(
        self,
        method: str,
        url: URL,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        credentials: str = "",
        total_seconds: float | None = None,
    ) -> Answer:
        """Send GET or HEAD to `url` and follow redirects; only the first origin gets `credentials` and `headers`."""
        sent = {**(headers or {}), **({"Authorization": credentials} if credentials else {})}
        first = url
        try:
            async with asyncio.timeout(total_seconds or self.limits.total_seconds):
                for _ in range(self.limits.max_redirects + 1):
                    host = "" if url.origin() == first.origin() else _host_of(url)
                    try:
                        answer, location = await self._hop(method, url, sent, max_bytes)
                    except RegistryError as error:
                        if not host or isinstance(error, HostRefused):
                            raise
                        text = f"redirected to {url.origin()}: {error.message}"
                        if error.problem in ("unavailable", "too_slow"):
                            raise FailedElsewhere(error.problem, text) from error
                        raise RegistryError(error.problem, text) from error
                    if location is None:
                        return replace(answer, redirected_to=host)
                    target = self._redirected(url, location)
                    if target.origin() != url.origin():
                        sent = {name: value for name, value in sent.items() if name == "Accept"}
                    url = target
        except TimeoutError:
            raise RegistryError("unavailable", "no whole answer in time") from None
        raise RegistryError("redirect_refused", "too many redirects")

    def _redirected(self, url: URL, location: str) -> URL:
        try:
            target = url.join(URL(location, encoded=True))
            port = target.port
        except ValueError:
            raise RegistryError("redirect_refused", "the Location is not a URL") from None
        if target.scheme not in ("http", "https") or not target.host or target.user is not None:
            raise RegistryError("redirect_refused", "the Location is not an http(s) URL without credentials")
        if _is_downgrade(url, target):
            raise RegistryError("redirect_refused", f"from https to {target.origin()}")
        if not self.may_visit(target) and port not in STRANGER_PORTS:
            raise HostRefused(target, f"port {port} of a host that is not configured")
        return target

    async def _hop(
        self, method: str, url: URL, headers: Mapping[str, str], max_bytes: int
    ) -> tuple[Answer, str | None]:
        trusted = self.may_visit(url)
        # A proxy resolves names itself, so only addresses that are written in the URL can be checked here.
        if self._proxy and not trusted and is_literal_of_inner_address(url.host or ""):
            raise HostRefused(url, "its address is not public")
        refused: list[str] = []
        refused_addresses.set(refused)
        sent = time.monotonic()
        try:
            async with self._session(trusted).request(
                method, url, headers=headers, allow_redirects=False, proxy=self._proxy
            ) as response:
                answered = answered_now(response.headers, sent=sent)
                if response.status in REDIRECTS and (location := response.headers.get("Location")):
                    return Answer(response.status, response.headers, b"", answered), location
                body = b"" if method == "HEAD" else await self._read(response, max_bytes)
                return Answer(response.status, response.headers, body, answered), None
        except aiohttp.ClientResponseError as error:
            if url.scheme == "http" and _TLS_ALERT.search(error.message):
                raise Unreachable(SPEAKS_TLS) from error
            raise RegistryError("unexpected_content", "not a valid HTTP answer") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise RegistryError("redirect_refused", "not a usable URL") from error
        except aiohttp.ClientSSLError as error:
            raise Unreachable(_tls_reason(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                raise
            if refused:
                raise HostRefused(url, "its address is not public") from error
            if isinstance(error, aiohttp.ClientConnectorError):
                raise Unreachable(_reason(error, url)) from error
            raise RegistryError("unavailable", _reason(error, url)) from error

    async def _read(self, response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
        if (response.content_length or 0) > max_bytes:
            raise RegistryError("too_large", f"more than {max_bytes} bytes declared")
        loop = asyncio.get_running_loop()
        started, size = loop.time(), 0
        chunks: list[bytes] = []
        while True:
            try:
                async with asyncio.timeout(self.limits.grace_seconds):
                    chunk = await response.content.readany()
            except TimeoutError:
                raise RegistryError("too_slow", "the body stopped arriving") from None
            if not chunk:
                return b"".join(chunks)
            size += len(chunk)
            if size > max_bytes:
                raise RegistryError("too_large", f"more than {max_bytes} bytes")
            chunks.append(chunk)
            elapsed = loop.time() - started
            if elapsed > self.limits.grace_seconds and size < elapsed * self.limits.min_bytes_per_second:
                raise RegistryError("too_slow", f"less than {self.limits.min_bytes_per_second} bytes a second")

    def _session(self, trusted: bool) -> aiohttp.ClientSession:
        """Return the session for trusted hosts or for others, which never share a connection."""
        session = self._sessions.get(trusted)
        if session is None:
            checks = not trusted and self._proxy is None
            cookies: AbstractCookieJar = aiohttp.DummyCookieJar()
            session = self._sessions[trusted] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, ssl=self._ssl, socket_factory=public_socket if checks else None, keepalive_timeout=30
                ),
                cookie_jar=cookies,
                trust_env=False,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.limits.connect_seconds),
                max_field_size=128 * 1024,
                max_line_size=16 * 1024,
            )
        return session


def _host_of(url: URL) -> str:
    return f"{url.host_subcomponent}:{url.port}"


def _is_downgrade(source: URL, target: URL) -> bool:
    return source.scheme == "https" and target.scheme != "https"


def _is_named(url: URL, hosts: frozenset[str]) -> bool:
    """Return whether `hosts` has the host of `url`, without a port or with the same port."""
    host = url.host_subcomponent or ""
    return host in hosts or f"{host}:{url.port}" in hosts


def _tls_reason(error: aiohttp.ClientSSLError) -> str:
    cause = getattr(error, "certificate_error", None) or error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({cause.verify_message}): is ca_file set, and does the name fit?"
    if isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return SPEAKS_PLAIN
    return "TLS failed: is ca_file set, and does the name fit?"


def _reason(error: Exception, url: URL) -> str:
    """Return a message for the person who configured the registry, without the addresses in aiohttp's messages."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host has no address here: is the url right?"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = os.strerror(error.errno) if error.errno else type(error.os_error).__name__
        return f"nothing answers at its address: {cause}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        hint = "; if the port speaks TLS, begin the url with https://" if url.scheme == "http" else ""
        return f"the connection was closed without an answer{hint}"
    return type(error).__name__
