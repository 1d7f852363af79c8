"""Bad input gets a clear error, over both transports: never a 500, never an echo of what was sent.

B03 bodies, B04 NUL, B10 names, B20 page sizes, B21 keys and values, B22 page tokens, B23 texts to search for,
B28 line ends, B35 gRPC.
"""

import asyncio
import io
from typing import Any
from urllib.parse import quote

import aiohttp
import grpc
import grpc.aio
import pytest
import pytest_asyncio

from service.process import Addresses
from tests.harness.asking import BY_METHOD, Asker, Refused, RestAsker
from tests.harness.seed import Seed

CANARY = "canary-7f3a"
LIST = "/regdex.v1.CatalogService/ListRepositories"


@pytest_asyncio.fixture
async def rest(service: Addresses) -> Any:
    async with aiohttp.ClientSession(f"http://{service.rest}") as session:
        yield session


async def refusal(response: aiohttp.ClientResponse) -> tuple[int, str]:
    """Status and code of a problem, which never repeats the canary."""
    text = await response.text()
    assert CANARY not in text
    assert response.content_type == "application/problem+json", text
    problem = await response.json(content_type=None)
    assert problem["status"] == response.status
    assert problem["request_id"]
    return response.status, problem["code"]


@pytest.mark.parametrize(
    "value", ["0", "-1", "1001", "1000000000", "9999999999999999999", "abc", "", "1.5", "1&page_size=2"]
)
async def test_page_sizes_out_of_bounds_are_refused(rest: aiohttp.ClientSession, value: str) -> None:
    async with rest.get(f"/api/v1/repositories?page_size={value}") as response:
        assert await refusal(response) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("size", [0, -1, 1001, 2**31 - 1])
async def test_page_sizes_out_of_bounds_are_refused_everywhere(asker: Asker, size: int) -> None:
    with pytest.raises(Refused) as refused:
        await asker.ask("ListRepositories", page_size=size)

    assert refused.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "query",
    [f"{CANARY}=1", f"order_by={CANARY}", f"as_of={CANARY}", "as_of=2026-13-01T00:00:00Z", "include_artifacts=maybe"],
)
async def test_unknown_keys_and_values_are_refused(rest: aiohttp.ClientSession, seed: Seed, query: str) -> None:
    async with rest.get(f"/api/v1/repositories/prod/team/app/-/tags?{query}") as response:
        assert await refusal(response) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"{} trailing", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"canary-7f3a": 1}', "application/json", 400),
        (b'{"force": "canary-7f3a"}', "application/json", 400),
        (b'{"registry": "a", "registry": "b", "force": NaN}', "application/json", 400),
        (b"[" * 200_000, "application/json", 400),
        (b'{"a": 1e999}', "application/json", 400),
        (b"\xff\xfe{\x00}\x00", "application/json", 400),
        (b'\xef\xbb\xbf{"force": "x"}', "application/json", 400),
        (b'{"force": "\\ud800"}', "application/json", 400),
        (b'{"force": ' + b"9" * 30 + b"}", "application/json", 400),
        (b'{"force": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b"{" + b",".join(b'"%d":1' % n for n in range(1_000_000)) + b"}", "application/json", 413),
        (b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}", "application/json", 400),
        (b'{"force": "' + b"x" * 3_000_000 + b'"}', "application/json", 413),
    ],
)
async def test_bodies_that_cannot_be_used_are_refused(
    rest: aiohttp.ClientSession, body: bytes, content_type: str, status: int
) -> None:
    headers = {"Content-Type": content_type}
    async with rest.post("/api/v1/registries/prod:backfill", data=io.BytesIO(body), headers=headers) as response:
        found, code = await refusal(response)

    assert found == status
    assert code in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"force": true, "force": false}', "force"),
        ('{"force": true, "force": true}', "force"),
        ('{"force": true, "\\u0066orce": true}', "force"),
        ('{"other": 1, "other": 2}', "the body"),
        ('{"other": [{"a": 1, "b": 2, "a": 1}]}', "the body"),
        ('{"other": ' + '{"a":' * 900 + "1" + "}" * 901, "the body"),
    ],
)
async def test_a_name_that_is_given_twice_is_refused(rest: aiohttp.ClientSession, body: str, named: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with rest.post("/api/v1/registries/prod:backfill", data=body.encode(), headers=headers) as response:
        assert response.status == 400
        detail = (await response.json(content_type=None))["detail"]

    assert detail.startswith(named) or ("unknown parameter" in detail and named == "the body")


async def test_names_are_compared_within_one_object(rest: aiohttp.ClientSession) -> None:
    body = b'{"ids": [1, 2], "registry": "prod"}'
    async with rest.post(
        "/api/v1/dead-letters:replay", data=body, headers={"Content-Type": "application/json"}
    ) as response:
        assert (response.status, await response.json()) == (200, {"replayed_count": 0})


@pytest.mark.parametrize("token", ["garbage", "e30", "AAAA", "'", "%00", "é", "a" * 5000])
async def test_page_tokens_that_are_none_are_refused(asker: Asker, token: str) -> None:
    with pytest.raises(Refused) as refused:
        await asker.ask("ListRepositories", page_token=token)

    assert refused.value.code == "INVALID_ARGUMENT"


QUERIES = [
    "x" * 512, " ".join(["word"] * 100), "!!! ??? ///", "-", "\t", "%", "_", "\\", "🐳 ship it", "支付",
    "' OR 1=1 --", "a:b:c", "(a+)+$", "*a*a*a*a*a*b", "\u202egnp", "a\x00b", "registry:prod AND x",
]  # fmt: skip


@pytest.mark.parametrize("q", QUERIES)
async def test_any_text_can_be_searched(asker: Asker, seed: Seed, q: str) -> None:
    answer = await asker.ask("SearchRepositories", q=q)

    assert answer["degraded"] is True  # there is no index here: names in PostgreSQL answer


@pytest.mark.parametrize("q", ["x" * 513, "x" * 5_000])
async def test_text_that_is_too_long_is_refused(asker: Asker, q: str) -> None:
    with pytest.raises(Refused) as refused:
        await asker.ask("SearchRepositories", q=q)

    assert refused.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("q", "at"), [('a "unbalanced', 3), ("downloads:many", 11), ("pushd:>30d", 1), ("tag:(a", 5), ("-*", 2)]
)
async def test_what_the_language_cannot_read_is_refused_with_its_place(asker: Asker, q: str, at: int) -> None:
    with pytest.raises(Refused) as refused:
        await asker.ask("SearchRepositories", q=q)

    assert refused.value.code == "INVALID_ARGUMENT"
    assert f"at character {at}:" in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [{"facets": ["password_hash"]}, {"facets": ["label:team"]}, {"tag": ["*a" * 9]},
     {"min_stars": -1}, {"platform": ["x"] * 21}, {"label": [""]},
     {"tag": ["*a*b*c*d*e*f*g*"] * 20, "label": ["*a*b*c*d*e*f*g*"] * 20}, {"q": "?" * 65}],
)  # fmt: skip
async def test_parameters_that_cannot_be_are_refused(asker: Asker, fields: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        await asker.ask("SearchRepositories", **fields)

    assert refused.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("name", ["../../etc", "a//b", "Upper", "a" * 300, "a/b:c", "é", "a/-", "-a"])
async def test_names_out_of_the_grammar_are_refused_or_not_found(asker: Asker, name: str) -> None:
    with pytest.raises(Refused) as refused:
        await asker.ask("GetRepository", registry="prod", repository=name)

    assert refused.value.code in ("INVALID_ARGUMENT", "NOT_FOUND")


NUL = {
    "GetRegistry": {"registry": "pr\0d"},
    "ListRepositories": {"registry": "pr\0d"},
    "GetRepository": {"registry": "prod", "repository": "te\0m"},
    "ListTags": {"registry": "prod", "repository": "team/app", "match": "a\0*"},
    "GetTag": {"registry": "prod", "repository": "team/app", "tag": "1\0"},
    "ListTagHistory": {"registry": "prod", "repository": "team/app", "tag": "1\0"},
    "GetManifest": {"registry": "prod", "repository": "team/app", "digest": "sha256:\0"},
    "LookupDigest": {"digest": "a" * 12 + "\0"},
    "ResolveReference": {"reference": "prod.example.com/team/app:1\0"},
    "GetDownloads": {"registry": "prod", "repository": "team/app", "tag": "\0"},
    "ListTopRepositories": {"window": "7d\0"},
    "StartBackfill": {"registry": "pr\0d"},
    "ListDeadLetters": {"registry": "pr\0d"},
}


@pytest.mark.parametrize("method", NUL)
async def test_nul_is_refused_or_not_found(asker: Asker, seed: Seed, method: str) -> None:
    await seed.registry("prod")
    fields = {key: quote(v, safe="") if isinstance(asker, RestAsker) else v for key, v in NUL[method].items()}
    if isinstance(asker, RestAsker):
        fields = NUL[method] | {key: v for key, v in fields.items() if "{" + key + "}" in BY_METHOD[method].path}

    with pytest.raises(Refused) as refused:
        await asker.ask(method, **fields)

    assert refused.value.code in ("INVALID_ARGUMENT", "NOT_FOUND")


async def test_line_ends_in_a_request_id_never_reach_a_header(service: Addresses) -> None:
    host, _, port = service.rest.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /api/v1/registries HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"X-Request-Id: a%0d%0aSet-Cookie: x=1\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert b"set-cookie" not in answer.lower()


@pytest_asyncio.fixture
async def channel(service: Addresses) -> Any:
    async with grpc.aio.insecure_channel(service.grpc) as opened:
        yield opened


async def raw(channel: grpc.aio.Channel, method: str, content: bytes, **options: Any) -> str:
    """The status that raw bytes get."""
    call: Any = channel.unary_unary(method)
    try:
        await call(content, **options)
    except grpc.aio.AioRpcError as error:
        details = error.details() or ""
        assert "Traceback" not in details
        assert "SELECT" not in details
        return error.code().name
    return "OK"


async def test_grpc_refuses_what_is_too_large(channel: grpc.aio.Channel) -> None:
    assert await raw(channel, LIST, b"\x0a" + b"x" * (5 * 1024 * 1024)) == "RESOURCE_EXHAUSTED"
    assert await raw(channel, LIST, b"", metadata=(("x-large", "x" * 20_000),)) == "RESOURCE_EXHAUSTED"


async def test_grpc_refuses_a_message_that_unpacks_to_too_much(channel: grpc.aio.Channel) -> None:
    content = b"\x00" * (50 * 1024 * 1024)

    assert await raw(channel, LIST, content, compression=grpc.Compression.Gzip) == "RESOURCE_EXHAUSTED"


async def test_grpc_refuses_bytes_that_are_no_message_and_methods_that_are_none(channel: grpc.aio.Channel) -> None:
    assert await raw(channel, LIST, b"\xff\xff\xff") == "INVALID_ARGUMENT"
    assert await raw(channel, "/regdex.v1.CatalogService/DropEverything", b"") == "UNIMPLEMENTED"


async def test_grpc_refuses_an_unknown_enum(channel: grpc.aio.Channel) -> None:
    list_tags = b"\x0a\x04prod\x12\x01a\x28\x63"

    assert await raw(channel, "/regdex.v1.CatalogService/ListTags", list_tags) == "INVALID_ARGUMENT"


async def test_grpc_ends_at_the_deadline_and_needs_none(channel: grpc.aio.Channel) -> None:
    assert await raw(channel, LIST, b"", timeout=1e-9) == "DEADLINE_EXCEEDED"
    assert await raw(channel, LIST, b"") == "OK"


async def test_many_calls_at_once_are_answered_or_told_to_come_again(channel: grpc.aio.Channel) -> None:
    answers = await asyncio.gather(*(raw(channel, LIST, b"") for _ in range(1000)))

    assert set(answers) <= {"OK", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}
    assert "OK" in answers


async def test_rest_speaks_no_other_method(service: Addresses) -> None:
    async with aiohttp.ClientSession(f"http://{service.rest}") as session:
        for method in ("TRACE", "PUT", "DELETE", "PATCH"):
            async with session.request(method, "/api/v1/registries") as response:
                assert response.status in (405, 501)
