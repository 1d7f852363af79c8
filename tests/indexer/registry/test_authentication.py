"""Challenges and tokens: who gets credentials, and who does not (E01, F35)."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from indexer.registry.authentication import Challenge, parse_challenges
from indexer.registry.client import RegistryClient
from regdex.errors import RegistryError
from tests.harness.hostile import Handler, Hostile, client, document, hostile, plain

BASIC = "Basic " + base64.b64encode(b"me:hunter2").decode()


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        yield server


@pytest.fixture
def credentials(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "password").write_text("hunter2\n")
    return {"username": "me", "password_file": tmp_path / "password"}


def challenged(*challenges: str, status: int = 401) -> Handler:
    """A 401 with these WWW-Authenticate headers."""

    async def answer(_: web.Request) -> web.StreamResponse:
        response = web.Response(status=status)
        for challenge in challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    return answer


def bearer_only(answer: Handler, challenge: str) -> Handler:
    """`answer` for the token t1, the challenge for everybody else."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == "Bearer t1":
            return await answer(request)
        return await challenged(challenge)(request)

    return guarded


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['Basic realm="x"'], [Challenge("basic", {"realm": "x"})]),
        (
            ['Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"'],
            [Challenge("bearer", {"realm": "https://a/t", "service": "s", "scope": "repository:a:pull,push"})],
        ),
        (['BEARER Realm = "a" , Service=s'], [Challenge("bearer", {"realm": "a", "service": "s"})]),
        (['Bearer realm="a \\" b"'], [Challenge("bearer", {"realm": 'a " b'})]),
        (["Negotiate"], [Challenge("negotiate", {})]),
        (["Negotiate YWJj=="], [Challenge("negotiate", {})]),
        (
            ['Negotiate, Basic realm="x", Bearer realm="y"'],
            [Challenge("negotiate", {}), Challenge("basic", {"realm": "x"}), Challenge("bearer", {"realm": "y"})],
        ),
        (
            ['Basic realm="x"', 'Bearer realm="y"'],
            [Challenge("basic", {"realm": "x"}), Challenge("bearer", {"realm": "y"})],
        ),
        (["Basic realm=/"], [Challenge("basic", {"realm": "/"})]),
        (
            ["Bearer realm=https://a:5/t?x=1,service=s, Basic realm=a.b/c"],
            [
                Challenge("bearer", {"realm": "https://a:5/t?x=1", "service": "s"}),
                Challenge("basic", {"realm": "a.b/c"}),
            ],
        ),
        (['Basic realm="x"; charset=utf-8'], [Challenge("basic", {"realm": "x", "charset": "utf-8"})]),
        ([], []),
        ([""], []),
    ],
)
def test_challenges_are_parsed_by_their_grammar(headers: list[str], expected: list[Challenge]) -> None:
    assert parse_challenges(headers) == expected


@pytest.mark.parametrize(
    "header", ['Bearer realm="http://x', 'Bearer realm="a"service="b"', '"Bearer"', "=", "Bearer realm=\x00"]
)
def test_broken_challenges_are_refused(header: str) -> None:
    with pytest.raises(ValueError, match="challenge"):
        parse_challenges([header])


@given(
    st.lists(
        st.text(st.characters(codec="latin-1"), max_size=200)
        | st.from_regex(r'(Bearer|Basic) [a-z]+="[^"]*"?,? ?[a-z"=\\]*')
    )
)
def test_any_header_is_parsed_or_refused(headers: list[str]) -> None:
    with contextlib.suppress(ValueError):
        parse_challenges(headers)


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="http://169.254.169.254/token",service="s"',
        'Bearer realm="http://localhost:{port}/token",service="s"',
        'Bearer realm="http://127.0.0.1:{port}/token",service="s"',
        'Bearer realm="http://127.0.0.1:{own}@localhost:{port}/token"',
        'Bearer realm="file:///etc/passwd"',
        'Bearer realm="http://me:pw@127.0.0.1:{own}/token"',
        'Bearer realm="http://[::1"',
        'Bearer realm=""',
        "Bearer",
        'Bearer realm="http://localhost:{port}/token',
        'Bearer realm="{long}"',
    ],
)
async def test_credentials_never_leave_for_another_host(
    registry: Hostile, credentials: dict[str, Any], challenge: str
) -> None:
    async with hostile() as recorder:
        text = challenge.format(port=recorder.port, own=registry.port, long="x" * 100_000)
        registry.answers["/v2/"] = challenged(text)
        async with client(registry.url, **credentials) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.ping()
        assert recorder.seen == []
    assert refused.value.problem == "auth_host_not_allowed"
    assert all("Authorization" not in seen.headers for seen in registry.seen)


async def test_of_two_challenges_the_allowed_one_is_answered(registry: Hostile, credentials: dict[str, Any]) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == "Bearer t1":
            return web.json_response({})
        evil = 'Bearer realm="http://localhost:1/token"'
        return await challenged(f'{evil}, Bearer realm="{registry.url}/token"', 'Basic realm="x"')(request)

    registry.answers["/v2/"] = page
    registry.answers["/token"] = document({"token": "t1"})
    async with client(registry.url, **credentials) as reader:
        await reader.ping()


@pytest.mark.parametrize(
    "challenges",
    [
        ['Bearer realm="http://localhost:1/token", Basic realm="x"'],
        ['Bearer realm="http://localhost:1/token"', "Basic realm=/"],
        ["Basic realm=/", 'Bearer realm="{url}/token"'],
        ['Bearer realm="http://[::1', "BASIC Realm = x"],
        ["Negotiate", "Digest realm=x, nonce=/y/, Basic realm=x/y"],
        ["Basic"],
    ],
)
async def test_basic_is_answered_where_it_is_the_first_that_may_be(
    registry: Hostile, credentials: dict[str, Any], challenges: list[str]
) -> None:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == BASIC:
            return web.json_response({})
        return await challenged(*(text.format(url=registry.url) for text in challenges))(request)

    registry.answers["/v2/"] = guarded
    async with client(registry.url, **credentials) as reader:
        await reader.ping()
    assert registry.paths() == ["/v2/", "/v2/"]


@pytest.mark.parametrize("challenge", ['Bearer realm="/token"', "Bearer realm='{url}/token',service='s'"])
async def test_realm_without_a_host_or_in_single_quotes_is_asked(registry: Hostile, challenge: str) -> None:
    registry.answers["/v2/"] = bearer_only(document({}), challenge.format(url=registry.url))
    registry.answers["/token"] = document({"token": "t1"})
    async with client(registry.url) as reader:
        await reader.ping()
    assert registry.paths() == ["/v2/", "/token", "/v2/"]


async def test_without_a_password_bearer_is_answered_though_basic_comes_first(registry: Hostile) -> None:
    registry.answers["/v2/"] = bearer_only(document({}), f"Basic realm=/, Bearer realm={registry.url}/token,service=s")
    registry.answers["/token"] = document({"token": "t1"})
    async with client(registry.url) as reader:
        await reader.ping()
    assert registry.paths() == ["/v2/", "/token", "/v2/"]


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        (
            'Bearer realm="https://auth.example.com/token"',
            "auth.example.com, is not the registry's own host: name it in",
        ),
        ("Bearer realm=https://auth.example.com/token", "auth.example.com, is not the registry's own host: name it in"),
        ('Bearer realm="x"', "the token service is not the registry's own host: name it in auth_hosts"),
        ("Basic realm=/", "username and password are needed"),
    ],
)
async def test_challenge_that_cannot_be_answered_says_what_to_set(
    registry: Hostile, challenge: str, words: str
) -> None:
    registry.answers["/v2/"] = challenged(challenge)
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError, match=words):
            await reader.ping()


async def test_token_is_asked_for_what_we_need_and_nothing_else(registry: Hostile, credentials: dict[str, Any]) -> None:
    challenge = (
        f'Bearer realm="{registry.url}/token?a=b",service="s p",scope="registry:catalog:* repository:other:push"'
    )
    registry.answers["/v2/team/app/tags/list"] = bearer_only(document({"name": "team/app", "tags": ["1"]}), challenge)
    registry.answers["/token"] = document({"access_token": "t1", "expires_in": 300})
    async with client(registry.url, **credentials) as reader:
        assert (await reader.tags_page("team/app")).names == ("1",)
        assert (await reader.tags_page("team/app")).names == ("1",)
    tokens = [seen for seen in registry.seen if seen.path == "/token"]
    assert [seen.query for seen in tokens] == ["a=b&scope=repository:team/app:pull&service=s p"]
    assert tokens[0].headers["Authorization"] == BASIC
    assert len(registry.seen) == 4


async def test_anonymous_tokens_are_asked_for_without_credentials(registry: Hostile) -> None:
    registry.answers["/v2/"] = bearer_only(document({}), f'Bearer realm="{registry.url}/token"')
    registry.answers["/token"] = document({"token": "t1"})
    async with client(registry.url) as reader:
        await reader.ping()
    assert "Authorization" not in registry.seen[1].headers


async def test_token_service_on_another_host_needs_to_be_configured(credentials: dict[str, Any]) -> None:
    async with hostile() as registry, hostile() as tokens:
        challenge = f'Bearer realm="http://localhost:{tokens.port}/token"'
        registry.answers["/v2/"] = bearer_only(document({}), challenge)
        tokens.answers["/token"] = document({"token": "t1"})
        async with client(registry.url, auth_hosts=[f"localhost:{tokens.port}"], **credentials) as reader:
            await reader.ping()
        assert [seen.headers["Authorization"] for seen in tokens.seen] == [BASIC]


async def test_basic_is_sent_after_its_challenge_and_then_always(
    registry: Hostile, credentials: dict[str, Any]
) -> None:
    registry.answers["/v2/"] = [challenged('Basic realm="x"'), document({})]
    async with client(registry.url, **credentials) as reader:
        await reader.ping()
        await reader.ping()
    assert [seen.headers.get("Authorization") for seen in registry.seen] == [None, BASIC, BASIC]


@pytest.mark.parametrize("challenge", ['Basic realm="x"', "Negotiate", ""])
async def test_refused_credentials_are_unauthorized_after_two_requests(
    registry: Hostile, credentials: dict[str, Any], challenge: str
) -> None:
    registry.answers["/v2/"] = challenged(challenge) if challenge else challenged()
    async with client(registry.url, **credentials) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.ping()
    assert refused.value.problem == "unauthorized"
    assert len(registry.seen) <= 2


async def test_expired_token_is_renewed_once_and_the_same_page_read_again(
    registry: Hostile, credentials: dict[str, Any]
) -> None:
    challenge = f'Bearer realm="{registry.url}/token"'

    async def page(request: web.Request) -> web.StreamResponse:
        number = int(request.query.get("last", "0"))
        accepted = "Bearer t1" if number < 2 else "Bearer t2"
        if request.headers.get("Authorization") != accepted:
            return await challenged(challenge)(request)
        link = {"Link": f'</v2/_catalog?last={number + 1}>; rel="next"'} if number < 3 else {}
        return web.json_response({"repositories": [f"r{number}"]}, headers=link)

    registry.answers["/v2/_catalog"] = page
    registry.answers["/token"] = [document({"token": "t1", "expires_in": 3600}), document({"token": "t2"})]
    async with client(registry.url, **credentials) as reader:
        names = [name async for page in reader.catalog() for name in page.names]
    assert names == ["r0", "r1", "r2", "r3"]
    assert registry.paths().count("/token") == 2


async def test_token_that_is_never_accepted_is_asked_for_twice_at_most(
    registry: Hostile, credentials: dict[str, Any]
) -> None:
    registry.answers["/v2/"] = challenged(f'Bearer realm="{registry.url}/token"')
    registry.answers["/token"] = document({"token": "t1"})
    async with client(registry.url, **credentials) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.ping()
    assert refused.value.problem == "unauthorized"
    assert len(registry.seen) == 3


async def test_many_requests_at_once_share_one_token(registry: Hostile) -> None:
    challenge = f'Bearer realm="{registry.url}/token"'
    registry.answers["/v2/app/tags/list"] = bearer_only(document({"name": "app", "tags": []}), challenge)
    registry.answers["/token"] = document({"token": "t1"})
    async with client(registry.url) as reader:
        await asyncio.gather(*(reader.tags_page("app") for _ in range(20)))
    assert registry.paths().count("/token") == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (document({"token": "a\r\nX-Evil: 1"}), "unexpected_content"),
        (document({"token": 7}), "unexpected_content"),
        (document({}), "unexpected_content"),
        (document([]), "unexpected_content"),
        (plain(b"<html>", media_type="text/html"), "unexpected_content"),
        (plain(b" " * 70_000), "too_large"),
        (plain(status=401), "unauthorized"),
        (plain(status=403), "unauthorized"),
        (plain(status=404), "unexpected_content"),
        (plain(status=503), "unavailable"),
    ],
)
async def test_bad_answers_of_the_token_service(registry: Hostile, answer: Handler, problem: str) -> None:
    registry.answers["/v2/"] = challenged(f'Bearer realm="{registry.url}/token"')
    registry.answers["/token"] = answer
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.ping()
    assert refused.value.problem == problem


@pytest.mark.parametrize("seconds", [None, "soon", -5, 0, 10**30, True, 0.001])
async def test_odd_lifetimes_of_tokens_do_no_harm(registry: Hostile, seconds: object) -> None:
    registry.answers["/v2/"] = bearer_only(document({}), f'Bearer realm="{registry.url}/token"')
    registry.answers["/token"] = document({"token": "t1", "expires_in": 1e30 if seconds == 10**30 else seconds})
    async with client(registry.url) as reader:
        await reader.ping()
        await reader.ping()


async def test_password_is_in_no_message_and_no_representation(registry: Hostile, credentials: dict[str, Any]) -> None:
    registry.answers["/v2/"] = challenged('Basic realm="x"')
    reader: RegistryClient = client(registry.url, **credentials)
    with pytest.raises(RegistryError) as refused:
        await reader.ping()
    await reader.close()
    assert "hunter2" not in f"{refused.value!r}{refused.value}{vars(reader)!r}{vars(reader._transport._auth)!r}"


@pytest.mark.parametrize("uses", [1, 2, 3])
async def test_token_that_ends_after_few_requests_is_renewed_for_all_at_once(registry: Hostile, uses: int) -> None:
    left: dict[str, int] = {}

    async def token(_: web.Request) -> web.StreamResponse:
        left[f"t{len(left)}"] = uses
        return web.json_response({"token": f"t{len(left) - 1}", "expires_in": 300})

    async def guarded(request: web.Request) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if left.get(sent, 0) < 1:
            return await challenged(f'Bearer realm="{registry.url}/token"')(request)
        left[sent] -= 1
        return web.json_response({"name": "app", "tags": []})

    registry.answers |= {"/v2/app/tags/list": guarded, "/token": token}
    async with client(registry.url) as reader:
        await reader.tags_page("app")
        await asyncio.gather(*(reader.tags_page("app") for _ in range(8)))
