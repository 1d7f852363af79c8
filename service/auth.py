"""Who may ask: API keys, for both transports.

A key is `rdx_<id>_<secret>`; only the SHA-256 of its secret is stored. Keys are read from the database at most every
ten seconds, so a revoked key stops working within that; while the database is away, what is known holds for a minute.
Before the first key was ever made, a transport that listens on loopback only is open to everybody there.
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
# A key that is not known may have been made since: look again, but not for each of a flood of wrong keys.
LOOK_AGAIN_SECONDS = 1.0

_KEY = re.compile(r"rdx_([a-z2-7]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_EVERYBODY = Caller(scope=Scope.ADMIN)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is checked; `expires_at` is on the monotonic clock, None for never."""

    secret_sha256: bytes
    revoked: bool
    expires_at: float | None
    caller: Caller


class KeyRing:
    """All keys of the database, cached."""

    def __init__(self, db: Pool) -> None:
        self._db = db
        self._keys: dict[str, Key] = {}
        self._loaded_at = -STALE_SECONDS * 2
        self._loading = asyncio.Lock()

    async def find(self, key_id: str) -> Key | None:
        """The key with this id, as it was at most `FRESH_SECONDS` ago."""
        await self._refresh(FRESH_SECONDS)
        if key_id not in self._keys:
            await self._refresh(LOOK_AGAIN_SECONDS)
        return self._keys.get(key_id)

    async def is_empty(self) -> bool:
        """True until the first key is made; revoking all keys does not open the doors again."""
        await self._refresh(FRESH_SECONDS)
        if not self._keys:
            await self._refresh(LOOK_AGAIN_SECONDS)
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
    """The check of one transport. `open_without_keys` where only this machine can reach it."""

    def __init__(self, ring: KeyRing, *, open_without_keys: bool = False, open_to_all: bool = False) -> None:
        self._ring = ring
        self._open_without_keys = open_without_keys
        self._open_to_all = open_to_all

    async def is_open(self) -> bool:
        """Whether this machine's requests need no key."""
        return self._open_to_all or (self._open_without_keys and await self._ring.is_empty())

    async def admit(self, authorization: str | None, *, local: bool = True, basic: bool = False) -> Caller:
        """The caller whose `Authorization` value this is; Unauthenticated says the same whatever is wrong with it.

        `local` is False for a request that names another host than this machine: a page in a browser here may send
        such requests by DNS rebinding, so without a key they are nobody's.

        `basic` also takes Basic, for clients that can say nothing else: the key is the password, any user has it. As
        long as no key is needed Basic is not read: docker sends it with no user in it, or the registry's own.
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
                "a valid API key is needed" + (" as the password" if basic else ": Authorization: Bearer <key>")
            )
        return key.caller


def _password(credentials: str) -> str:
    """Of Basic credentials (RFC 7617); empty when they are none."""
    try:
        return base64.b64decode(credentials.strip(" "), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _fits(key: Key, secret: str) -> bool:
    same = hmac.compare_digest(sha256(secret.encode()).digest(), key.secret_sha256)
    return same and not key.revoked and (key.expires_at is None or time.monotonic() < key.expires_at)


async def create_key(db: Pool, *, name: str, scope: Scope, lifetime: timedelta | None = None) -> str:
    """Make a key and return it: the only time that it can be read."""
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
    """True when only this machine can reach the address `host:port`."""
    host, _ = split_address(listen)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def check_listen(db: Pool, section: str, listen: str, *, insecure_no_auth: bool) -> None:
    """Misconfigured for an address that others can reach while no API key was ever made, unless that is wanted."""
    if insecure_no_auth or is_loopback(listen) or await keys.load_keys(db):
        return
    raise Misconfigured(
        f"{section}.listen: {listen} can be reached from other machines and there is no API key yet: make one with "
        "`regdex keys create`, or pass --insecure-no-auth"
    )
