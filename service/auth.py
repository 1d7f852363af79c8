"""Authentication with API keys, for both transports.

A key is `rdx_<id>_<secret>`; only the SHA-256 of its secret is stored. Keys are cached for ten seconds, so a revoked
key stops working within ten seconds. While the database is unavailable the cached keys stay valid for one minute.
Until the first key is created, a transport that listens only on loopback accepts requests without a key.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import re
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from regdex.database import Pool
from regdex.errors import Misconfigured, Unauthenticated, Unavailable
from regdex.settings import split_address
from regdex.store import keys
from service.caller import Caller, Scope

FRESH_SECONDS = 10.0
STALE_SECONDS = 60.0
# An unknown key may be new, so the keys are read again; at most once a second, because of floods of wrong keys.
RELOAD_SECONDS = 1.0

_KEY = re.compile(r"rdx_([a-z2-7]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_EVERYBODY = Caller(scope=Scope.ADMIN)


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key. `expires_at` is a time of the monotonic clock; None means never."""

    secret_sha256: bytes
    revoked: bool
    expires_at: float | None
    caller: Caller


class KeyRing:
    """A cache of all keys in the database."""

    def __init__(self, db: Pool) -> None:
        self._db = db
        self._keys: dict[str, Key] = {}
        self._loaded_at = -STALE_SECONDS * 2
        self._loading = asyncio.Lock()

    async def find(self, key_id: str) -> Key | None:
        """Return the key with this id, read at most `FRESH_SECONDS` ago; None when there is none."""
        await self._refresh(FRESH_SECONDS)
        if key_id not in self._keys:
            await self._refresh(RELOAD_SECONDS)
        return self._keys.get(key_id)

    async def is_empty(self) -> bool:
        """Whether no key was ever created. Revoked keys count, so access stays closed when all keys are revoked."""
        await self._refresh(FRESH_SECONDS)
        if not self._keys:
            await self._refresh(RELOAD_SECONDS)
        return not self._keys

    async def _refresh(self, age: float) -> None:
        if time.monotonic() - self._loaded_at < age:
            return
        async with self._loading:
            now = time.monotonic()
            if now - self._loaded_at < age:
                return
            try:
                rows = await keys.load_keys(self._db)
            except Exception as error:
                if now - self._loaded_at < STALE_SECONDS:
                    return
                raise Unavailable("API keys cannot be checked now") from error
            self._keys = {
                row["id"]: Key(
                    row["secret_sha256"],
                    row["revoked"],
                    None if row["seconds_left"] is None else now + row["seconds_left"],
                    Caller(scope=Scope[row["scope"].upper()], key_id=row["id"]),
                )
                for row in rows
            }
            self._loaded_at = now


class Gate:
    """Authenticates the requests of one transport.

    `open_without_keys` accepts requests without a key until the first key is created; set it only for a transport that
    only this machine can reach. `open_to_all` accepts every request.
    """

    def __init__(self, ring: KeyRing, *, open_without_keys: bool = False, open_to_all: bool = False) -> None:
        self._ring = ring
        self._open_without_keys = open_without_keys
        self._open_to_all = open_to_all

    async def is_open(self) -> bool:
        """Whether requests from this machine need no key."""
        return self._open_to_all or (self._open_without_keys and await self._ring.is_empty())

    async def admit(self, authorization: str | None, *, local: bool = True, basic: bool = False) -> Caller:
        """Return the caller that an `Authorization` value authenticates, or raise Unauthenticated.

        The error is the same whatever is wrong with the value. `local` is False for a request whose Host header does
        not name this machine: a web page in a browser here could send it by DNS rebinding, so it needs a key.

        `basic` also accepts Basic, for clients that support nothing else: the password is the key, the user is
        ignored. While no key is needed Basic is ignored, because docker sends it with an empty user or with the
        credentials of the registry.
        """
        if self._open_to_all:
            return _EVERYBODY
        scheme, _, text = (authorization or "").partition(" ")
        is_basic = basic and scheme.lower() == "basic"
        if (authorization is None or is_basic) and local and await self.is_open():
            return _EVERYBODY
        if is_basic:
            text = _password(text)
        match = _KEY.fullmatch(text.strip(" ")) if is_basic or scheme.lower() == "bearer" else None
        key = await self._ring.find(match[1]) if match else None
        if match is None or key is None or not _fits(key, match[2]):
            raise Unauthenticated(
                "a valid API key is required" + (" as the password" if basic else ": Authorization: Bearer <key>")
            )
        return key.caller


def _password(credentials: str) -> str:
    """Return the password of Basic credentials (RFC 7617), empty when they are malformed."""
    try:
        return base64.b64decode(credentials.strip(" "), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _fits(key: Key, secret: str) -> bool:
    same = hmac.compare_digest(sha256(secret.encode()).digest(), key.secret_sha256)
    return same and not key.revoked and (key.expires_at is None or time.monotonic() < key.expires_at)


async def create_key(db: Pool, *, name: str, scope: Scope, lifetime: timedelta | None = None) -> str:
    """Create a key and return it. It cannot be read again later, because only its hash is stored."""
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    await keys.add_key(
        db,
        id=key_id,
        name=name,
        scope=scope.word,
        secret_sha256=sha256(secret.encode()).digest(),
        lifetime=lifetime,
    )
    return f"rdx_{key_id}_{secret}"


def is_loopback(listen: str) -> bool:
    """Whether only this machine can reach the address `host:port`."""
    host, _ = split_address(listen)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def check_listen(db: Pool, section: str, listen: str, *, insecure_no_auth: bool) -> None:
    """Raise Misconfigured when other machines can reach `listen` and no API key was ever created.

    `insecure_no_auth` allows this.
    """
    if insecure_no_auth or is_loopback(listen) or await keys.load_keys(db):
        return
    raise Misconfigured(
        f"{section}.listen: {listen} can be reached from other machines and there is no API key yet: create one with "
        "`regdex keys create`, or pass --insecure-no-auth"
    )
