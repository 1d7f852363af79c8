"""Requests that no client of registries sends: an error of theirs, never one of ours, and never what they sent."""

import asyncio
import random
from urllib.parse import quote

import pytest
from yarl import URL

from regdex.database import Pool
from service.doors.table import DOORS
from tests.harness.seed import Seed, digest_of
from tests.service.doors.conftest import Stage, open_stage

PIECES = (
    "prod", "team", "app", "/", "//", "..", ".", "%2F", "%00", "%0A", "%252F", "%FF", "\u652f", "-", "_catalog", "tags",
    "list", "manifests", "blobs", "uploads", "sha256:", digest_of("x"), "1.0", " ", "?", "#", "%", "a" * 300, "Z", "@",
    "\u202e", "\U0001f433", "search", "_ping", "v1", "v2", "'", '"', ";", "<>", "*", "(", "registry:", "-tag:", ":>30d",
)  # fmt: skip
CANARY = "canary7f3a"


@pytest.mark.parametrize("seed", range(4))
async def test_no_path_and_no_query_is_an_error_of_ours(shared_stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        path = "".join(chance.choices(PIECES, k=chance.randint(1, 8)))
        query = "&".join(
            f"{chance.choice(('q', 'n', 'last', 'page', 'within', 'name', 'x'))}="
            + "".join(chance.choices(PIECES, k=chance.randint(0, 5)))
            for _ in range(chance.randint(0, 3))
        )
        beginning = chance.choice(("/v1/", "/v2/", "/v1/search", "/v2/prod/"))
        url = URL(quote(f"{beginning}{path}", safe="/%?:@") + "?" + quote(query, safe="%=&:"), encoded=True)
        async with shared_stage.session.request(
            chance.choice(("GET", "GET", "GET", "HEAD", "PUT")), url, allow_redirects=False
        ) as response:
            assert response.status < 500, (url, await response.text())


async def test_errors_repeat_nothing_that_was_sent(shared_stage: Stage) -> None:
    paths = (
        f"/v2/prod/{CANARY}/tags/list", f"/v2/{CANARY}!/x/tags/list", f"/v2/prod/app/manifests/-{CANARY}",
        f"/v2/prod/app/blobs/{CANARY}", f"/v2/_catalog?n={CANARY}", f"/v1/search?n={CANARY}", f"/v1/{CANARY}",
        f"/v1/search?q=label:%22{CANARY}", f"/v2/{CANARY}/referrers/x",
    )  # fmt: skip
    for path in paths:
        async with shared_stage.session.get(URL(path, encoded=True), allow_redirects=False) as response:
            assert 400 <= response.status < 500
            assert CANARY not in await response.text()
            assert CANARY not in str(response.headers)


async def test_head_is_get_without_the_body(shared_stage: Stage) -> None:
    for door in DOORS:
        path = door.path.format_map({"name": "prod/none", "reference": "1.0", "digest": digest_of("x")})
        async with shared_stage.session.get(path) as response:
            status, length = response.status, response.headers["Content-Length"]
        async with shared_stage.session.head(path) as response:
            assert (response.status, response.headers["Content-Length"]) == (status, length)
            assert await response.read() == b""


@pytest.mark.parametrize(
    "head",
    [b"GET /v2/\r\n\r\n", b"GET http://prod.example.com/v2/ HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /v2/ HTTP/2.0\r\n\r\n"],
)
async def test_what_is_not_http1_comes_through_no_door(shared_stage: Stage, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shared_stage.port))
    writer.write(head)
    answer = await asyncio.wait_for(reader.read(65536), 10)
    writer.close()
    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2"))


async def test_without_a_host_nobody_is_local(shared_stage: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shared_stage.port))
    writer.write(b"GET /v2/_catalog HTTP/1.0\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(65536), 10)
    writer.close()
    assert answer.split(b" ")[1] == b"401"


@pytest.mark.parametrize(
    "host", ["x:" + "9" * 5000, "x:", ":", "[", "[::1", "]:80", "x:\u0663", "127.0.0.1:" + "9" * 5000, "a" * 5000]
)
async def test_no_host_is_an_error_of_ours(shared_stage: Stage, host: str) -> None:
    async with shared_stage.session.get("/v2/", headers={"Host": host}) as response:
        assert response.status in (400, 401)


async def test_while_the_database_is_away_clients_are_told_to_come_back(db: Pool, seed: Seed) -> None:
    async with open_stage(db) as stage:
        assert await stage.ask("/v2/_catalog") == {"repositories": []}
        await db.close()
        for path, key in (("/v2/_catalog", "errors"), ("/v1/search?q=x", "error")):
            async with stage.session.get(path) as response:
                answer = await response.json()
                assert response.status == 503
                assert response.headers["Retry-After"]
                assert answer.keys() == {key}
