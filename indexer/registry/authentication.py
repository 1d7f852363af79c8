"""Authenticates to a registry: challenges, Basic, and Bearer tokens cached by scope.

Requests tokens for the scopes that Regdex needs, never for the challenge's scope. Credentials are sent to the
registry's origin, and to a realm at that origin or in `auth_hosts`; tokens to the origin only. Sources: RFC 9110
§11.6.1; the token authentication specification of CNCF Distribution.
"""

import asyncio
import base64
import re
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson
from yarl import URL

from indexer.registry.credentials import Credentials, Login
from indexer.registry.egress import Answer, Egress
from regdex.errors import RegistryError

MAX_CHALLENGE_CHARACTERS = 8 * 1024
MAX_TOKEN_ANSWER_BYTES = 64 * 1024
MAX_TOKENS = 1000
DEFAULT_TOKEN_SECONDS = 60

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Values without quotes may have more characters than RFC 9110 allows: registries send `realm=/` and `realm=https://…`.
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:([\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+)|"((?:[^"\\]|\\.)*)")')
_SCHEME = re.compile(rf"({_WORD})(?:[ ]+|(?=,)|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))")
_SEPARATOR = re.compile(r"[ \t]*(?:[,;][ \t]*)*")


class NoToken(RegistryError):
    """The token service did not answer with a token, for another reason than the credentials."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge; scheme and parameter names in lower case."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(values: Sequence[str]) -> list[Challenge]:
    """Return all challenges of all WWW-Authenticate headers, in order; ValueError where one breaks the grammar."""
    return [challenge for value in values for challenge in _parse(value)]


def _parse(value: str) -> Iterator[Challenge]:
    if len(value) > MAX_CHALLENGE_CHARACTERS:
        raise ValueError("a challenge is too long")
    position = _skip(value, 0)
    while position < len(value):
        scheme = _SCHEME.match(value, position)
        if not scheme:
            raise ValueError("not a challenge")
        position = scheme.end()
        parameters: dict[str, str] = {}
        if token68 := _TOKEN68.match(value, position):
            position = _skip(value, token68.end())
        while parameter := _PARAMETER.match(value, position):
            name, token, quoted = parameter.groups()
            parameters.setdefault(
                name.lower(), token.strip("'") if token is not None else re.sub(r"\\(.)", r"\1", quoted)
            )
            position = _skip(value, parameter.end())
            if position < len(value) and value[position - 1] not in ",; \t":
                raise ValueError("not a challenge")
        yield Challenge(scheme[1].lower(), parameters)
        position = _skip(value, position)


def _skip(value: str, position: int) -> int:
    separator = _SEPARATOR.match(value, position)
    return separator.end() if separator else position


@dataclass(slots=True)
class _Token:
    value: str = ""
    expires: float = 0.0
    was_accepted: bool = False  # this value, or an earlier one
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RegistryAuth:
    """Makes the Authorization header for each request to one registry; requests anonymous tokens without a username."""

    def __init__(self, egress: Egress, credentials: Credentials) -> None:
        self._egress = egress
        self._credentials = credentials
        # By the first word of the scope: a registry may send other challenges for its catalog than for repositories.
        self._challenges: dict[str, Challenge] = {}
        self._tokens: OrderedDict[str, _Token] = OrderedDict()

    async def authorization(self, scope: str) -> str:
        """Return the Authorization header for `scope`; empty before the registry's first challenge."""
        challenge = self._challenges.get(scope.partition(":")[0])
        if challenge is None:
            return ""
        if challenge.scheme == "basic":
            return _basic(await self._credentials.login())
        return await self._bearer(challenge, scope)

    async def renew(self, scope: str, refused: str, headers: Sequence[str]) -> str:
        """Return the header to send after a 401 to `refused`, for one of the challenges in `headers`.

        Raises RegistryError when no challenge may be answered, or the credentials were refused.
        """
        login = await self._credentials.login()
        challenge = self._choose(headers, has_login=bool(login.username))
        self._challenges[scope.partition(":")[0]] = challenge
        if challenge.scheme == "basic":
            if refused == _basic(login):
                login = await self._credentials.login(refused=login)
            if refused == _basic(login):
                raise RegistryError("unauthorized", "username and password were refused")
            return _basic(login)
        token = self._tokens.get(scope)
        if token is not None and refused == f"Bearer {token.value}":
            token.expires = 0.0
        return await self._bearer(challenge, scope)

    def accept(self, scope: str, credentials: str) -> None:
        """Note that the registry accepted `credentials`."""
        token = self._tokens.get(scope)
        if token is not None and credentials.startswith("Bearer "):
            token.was_accepted = True

    def has_ended(self, scope: str, refused: str) -> bool:
        """Return whether a refused token may have ended: one was accepted before, or another request renewed it."""
        token = self._tokens.get(scope)
        if token is None or not refused.startswith("Bearer "):
            return False
        return token.was_accepted or refused != f"Bearer {token.value}"

    def _choose(self, headers: Sequence[str], *, has_login: bool) -> Challenge:
        """Return the first challenge that may be answered: Bearer with an allowed realm, or Basic with a login."""
        problem = ""
        foreign: Challenge | None = None
        wants_password = False
        for value in headers:
            try:
                for challenge in _parse(value):
                    if challenge.scheme == "bearer":
                        if self._realm(challenge) is not None:
                            return challenge
                        foreign = foreign or challenge
                    elif challenge.scheme == "basic":
                        if has_login:
                            return challenge
                        wants_password = True
            except ValueError as error:
                problem = f"WWW-Authenticate: {error}"
        if foreign is not None:
            raise RegistryError("auth_host_not_allowed", self._refused_realm(foreign))
        if problem:
            raise RegistryError("auth_host_not_allowed", problem)
        if wants_password:
            raise RegistryError("unauthorized", "username and password are needed")
        raise RegistryError("unauthorized", "no challenge of a known scheme")

    @staticmethod
    def _refused_realm(challenge: Challenge) -> str:
        try:
            host = URL(challenge.parameters.get("realm", "")).host_subcomponent or ""
        except ValueError:
            host = ""
        of = f", {host[:253]}," if re.fullmatch(r"[\[\]A-Za-z0-9.:-]+", host) else ""
        return f"the token service{of} is not the registry's own host: name it in auth_hosts"

    def _realm(self, challenge: Challenge) -> URL | None:
        try:
            text = challenge.parameters.get("realm", "")
            realm = URL(text)
            if text.startswith("/") and not realm.host:
                realm = self._egress.origin.join(realm)
            return realm if self._egress.may_authenticate(realm) else None
        except ValueError:
            return None

    async def _bearer(self, challenge: Challenge, scope: str) -> str:
        token = self._tokens.setdefault(scope, _Token())
        self._tokens.move_to_end(scope)
        while len(self._tokens) > MAX_TOKENS:
            self._tokens.popitem(last=False)
        async with token.lock:
            if time.monotonic() >= token.expires:
                token.value, seconds = await self._ask(challenge, scope)
                token.expires = time.monotonic() + seconds * 0.9
        return f"Bearer {token.value}"

    async def _ask(self, challenge: Challenge, scope: str) -> tuple[str, float]:
        realm = self._realm(challenge)
        if realm is None:
            raise RegistryError("auth_host_not_allowed")
        query = {"scope": scope} if scope != "ping" else {}
        if service := challenge.parameters.get("service"):
            query["service"] = service
        login = await self._credentials.login()
        answer = await self._ask_realm(realm.update_query(query), login)
        if answer.status in (401, 403):
            renewed = await self._credentials.login(refused=login)
            if renewed != login:
                answer = await self._ask_realm(realm.update_query(query), renewed)
        if answer.status in (401, 403):
            raise RegistryError("unauthorized", "the token service refused username and password")
        if answer.status == 429 or answer.status >= 500:
            raise RegistryError("unavailable", f"the token service answered {answer.status}")
        if answer.status != 200:
            raise NoToken("unexpected_content", f"the token service answered {answer.status}")
        try:
            document = orjson.loads(answer.body)
            value = document.get("token") or document.get("access_token")
            seconds = document.get("expires_in")
        except (orjson.JSONDecodeError, AttributeError):
            raise NoToken("unexpected_content", "the token service did not answer with a token") from None
        if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value):
            raise NoToken("unexpected_content", "the token service did not answer with a token")
        known = isinstance(seconds, int | float) and 0 < seconds <= 86400
        return value, seconds if known else DEFAULT_TOKEN_SECONDS

    async def _ask_realm(self, url: URL, login: Login) -> Answer:
        return await self._egress.send(
            "GET",
            url,
            max_bytes=MAX_TOKEN_ANSWER_BYTES,
            headers={"Accept": "application/json"},
            credentials=_basic(login) if login.username else "",
        )


def _basic(login: Login) -> str:
    pair = f"{login.username}:{login.password.get_secret_value()}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
