"""What a tag or a digest points to: HEAD is believed where it confirms what is expected, else GET decides."""

from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from indexer import manifest as content
from indexer.registry.client import Fetched, Missing, Unchanged
from regdex.digest import Digest
from regdex.errors import RegistryError
from tests.harness.hostile import Hostile, client, hostile, plain, raw

BODY = orjson.dumps({"schemaVersion": 2, "config": {}, "layers": []})
DIGEST = Digest.of(BODY)
OTHER = Digest.of(b"other")
PATH = "/v2/app/manifests/1"


class Registry:
    """Answers HEAD and GET of one manifest differently."""

    def __init__(self, head: web.Response | None = None, *, get_status: int = 200) -> None:
        self.head = head
        self.get_status = get_status
        self.methods: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.methods.append(request.method)
        if request.method == "HEAD" and self.head is not None:
            headers = {name: value for name, value in self.head.headers.items() if name != "Content-Length"}
            return web.Response(status=self.head.status, headers=headers)
        if self.get_status != 200:
            return web.json_response({"errors": []}, status=self.get_status)
        headers = {"Docker-Content-Digest": str(DIGEST), "Content-Type": content.OCI_MANIFEST}
        return web.Response(body=BODY, headers=headers)


def says(status: int, digest: object = None, media_type: str = content.OCI_MANIFEST) -> web.Response:
    headers = {"Content-Type": media_type, **({} if digest is None else {"Docker-Content-Digest": str(digest)})}
    return web.Response(status=status, headers=headers)


# Answers to HEAD that say nothing: the last ones claim what is not so.
USELESS = [
    *(
        says(status, media_type="application/json")
        for status in (400, 401, 403, 404, 405, 406, 418, 500, 501, 502, 503)
    ),
    says(404, media_type="text/html"),
    says(404, DIGEST),
    says(200),
    says(200, media_type="application/json"),
    says(200, ""),
    says(200, "md5:abc"),
    says(200, "sha256:" + "0" * 64),
    says(200, OTHER),
    says(200, DIGEST, "text/html"),
    says(204, DIGEST),
    says(206, DIGEST),
]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Hostile]:
    async with hostile() as found:
        yield found


async def test_head_that_names_what_is_expected_is_all_that_is_asked(server: Hostile) -> None:
    registry = Registry()
    server.answers[PATH] = registry.answer
    async with client(server.url) as reader:
        answer = await reader.resolve("app", "1", (OTHER, DIGEST))
        assert reader.heads_trusted is True
    assert isinstance(answer, Unchanged)
    assert (answer.digest, registry.methods) == (DIGEST, ["HEAD"])


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "binary/octet-stream", content.OCI_INDEX, ""])
async def test_the_type_that_head_names_is_not_judged(server: Hostile, media_type: str) -> None:
    registry = Registry(says(200, DIGEST, media_type))
    server.answers[PATH] = registry.answer
    async with client(server.url) as reader:
        assert isinstance(await reader.resolve("app", "1", (DIGEST,)), Unchanged)


async def test_digest_in_upper_case_is_understood(server: Hostile) -> None:
    server.answers[PATH] = Registry(says(200, str(DIGEST).upper())).answer
    async with client(server.url) as reader:
        assert isinstance(await reader.resolve("app", "1", (DIGEST,)), Unchanged)


async def test_nothing_expected_is_asked_by_get(server: Hostile) -> None:
    registry = Registry()
    server.answers[PATH] = registry.answer
    async with client(server.url) as reader:
        answer = await reader.resolve("app", "1")
    assert isinstance(answer, Fetched)
    assert (answer.digest, registry.methods) == (DIGEST, ["GET"])


@pytest.mark.parametrize("head", USELESS)
@pytest.mark.parametrize("reference", ["1", str(DIGEST)])
async def test_whatever_else_head_says_get_decides(server: Hostile, head: web.Response, reference: str) -> None:
    registry = Registry(head)
    server.answers[f"/v2/app/manifests/{reference}"] = registry.answer
    async with client(server.url) as reader:
        answer = await reader.resolve("app", reference, (DIGEST,))
        assert isinstance(answer, Fetched)
        assert (answer.digest, registry.methods) == (DIGEST, ["HEAD", "GET"])
        registry.get_status = 404
        assert isinstance(await reader.resolve("app", reference, (DIGEST,)), Missing)


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 500, 501, 503])
async def test_only_the_404_of_get_is_absence(server: Hostile, status: int) -> None:
    registry = Registry(says(404), get_status=status)
    server.answers[PATH] = registry.answer
    async with client(server.url) as reader:
        with pytest.raises(RegistryError):
            await reader.resolve("app", "1", (DIGEST,))


async def test_web_page_that_says_404_is_no_absence(server: Hostile) -> None:
    server.answers[PATH] = plain(b"<html>no backend</html>", status=404, media_type="text/html")
    async with client(server.url) as reader:
        with pytest.raises(RegistryError, match="web page"):
            await reader.resolve("app", "1", (DIGEST,))


async def test_heads_that_get_contradicts_twice_are_sent_no_more(server: Hostile) -> None:
    registry = Registry(says(404))
    server.answers[PATH] = registry.answer
    async with client(server.url) as reader:
        await reader.resolve("app", "1", (DIGEST,))
        assert reader.heads_trusted is None
        await reader.patient(1).resolve("app", "1", (DIGEST,))
        assert reader.heads_trusted is False
        await reader.resolve("app", "1", (DIGEST,))
        assert registry.methods == ["HEAD", "GET", "HEAD", "GET", "GET"]
        reader.heads_trusted = None
        await reader.resolve("app", "1", (DIGEST,))
        assert registry.methods[5:] == ["HEAD", "GET"]


async def test_a_tag_that_moves_between_head_and_get_does_not_make_heads_wrong(server: Hostile) -> None:
    registry = Registry()
    server.answers[PATH] = registry.answer
    async with client(server.url) as reader:
        for _ in range(3):
            registry.head = says(200, OTHER)
            assert isinstance(await reader.resolve("app", "1", (DIGEST,)), Fetched)
            registry.head = says(200, DIGEST)
            assert isinstance(await reader.resolve("app", "1", (DIGEST,)), Unchanged)
        assert reader.heads_trusted is True


async def test_absent_tags_do_not_make_heads_wrong(server: Hostile) -> None:
    async with client(server.url) as reader:
        for _ in range(5):
            assert isinstance(await reader.resolve("app", "gone", (DIGEST,)), Missing)
        assert reader.heads_trusted is None


async def test_what_an_earlier_process_learned_holds(server: Hostile) -> None:
    registry = Registry()
    server.answers[PATH] = registry.answer
    async with client(server.url) as reader:
        reader.heads_trusted = False
        await reader.resolve("app", "1", (DIGEST,))
    assert registry.methods == ["GET"]


async def test_head_that_is_asked_to_wait_is_not_evaded_by_get(server: Hostile) -> None:
    methods: list[str] = []

    async def limited(request: web.Request) -> web.StreamResponse:
        methods.append(request.method)
        return web.Response(status=429, headers={"Retry-After": "60"})

    server.answers[PATH] = limited
    async with client(server.url) as reader:
        for _ in range(2):
            with pytest.raises(RegistryError) as refused:
                await reader.resolve("app", "1", (DIGEST,))
            assert refused.value.problem == "rate_limited"
    assert methods == ["HEAD"]


async def test_head_that_is_asked_to_wait_a_moment_is_sent_again(server: Hostile) -> None:
    limited = plain(status=429, Retry_After="0")
    server.answers[PATH] = [limited, limited, Registry().answer]
    async with client(server.url) as reader:
        assert isinstance(await reader.resolve("app", "1", (DIGEST,)), Unchanged)
    assert [seen.method for seen in server.seen] == ["HEAD"] * 3


async def test_signed_schema1_has_the_digest_of_its_bytes_and_heads_stay_trusted(server: Hostile) -> None:
    payload = b'{"schemaVersion": 1, "name": "app", "fsLayers": []'
    forged = payload + b', "signatures": [{"protected": "eyJmb3JtYXRMZW5ndGgiOjUwLCJmb3JtYXRUYWlsIjoiZlEifQ"}]}'
    claimed = str(Digest.of(payload + b"}"))
    server.answers[PATH] = plain(forged, media_type=content.SCHEMA1_SIGNED, Docker_Content_Digest=claimed)
    async with client(server.url) as reader:
        for _ in range(3):
            answer = await reader.resolve("app", "1", (OTHER,))
            assert isinstance(answer, Fetched)
            assert answer.digest == Digest.of(forged)
        assert reader.heads_trusted is True
        server.answers[f"/v2/app/manifests/{claimed}"] = server.answers[PATH]
        with pytest.raises(RegistryError, match="digest_mismatch"):
            await reader.get_manifest("app", claimed)


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "text/plain", "binary/octet-stream", "application/octet-stream", "text/html", "x/y; q", ""],
)
@pytest.mark.parametrize(
    "body",
    [
        BODY,
        orjson.dumps({"schemaVersion": 2, "mediaType": content.DOCKER_LIST, "manifests": []}),
        orjson.dumps({"mediaType": content.OCI_ARTIFACT, "blobs": []}),
        b'\n {"schemaVersion": 1, "fsLayers": []}',
    ],
)
async def test_manifests_of_any_type_are_read(server: Hostile, media_type: str, body: bytes) -> None:
    server.answers[PATH] = plain(body, media_type=media_type)
    async with client(server.url) as reader:
        fetched = await reader.get_manifest("app", "1")
    assert (fetched.digest, fetched.content) == (Digest.of(body), body)


async def test_manifest_without_a_type_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    async with raw(head, BODY) as url, client(url) as reader:
        fetched = await reader.get_manifest("app", "1")
    assert (fetched.digest, fetched.media_type) == (DIGEST, "")
