"""/v2/: the catalog, tags, and the way to content, as the OCI distribution specification has them."""

from itertools import chain

import aiohttp
import pytest
import pytest_asyncio

from indexer.registration import register
from regdex.settings import Registry
from regdex.store.catalog import repositories, tags
from tests.harness.seed import digest_of
from tests.service.doors.conftest import Stage


@pytest_asyncio.fixture(scope="module")
async def session(shared_stage: Stage) -> aiohttp.ClientSession:
    seed = shared_stage.seed
    for registry in ("edge", "edge-2", "prod"):
        await seed.registry(registry)
    await seed.registry("here")
    await shared_stage.db.execute("UPDATE registry SET url = 'http://here.example.com' WHERE name = 'here'")
    await seed.repository("here", "looping")
    await seed.repository("edge", "team/app")
    await seed.repository("edge-2", "team/app")
    for name in ("nginx", "team/app", "team/app2", "team/zoo"):
        repository = await seed.repository("prod", name)
    for tag in ("1.0", "1.1", "Latest", "latest", "sha256-" + "a" * 64 + ".sig"):
        await seed.tag(repository, tag, "image")
    await seed.repository("prod", "team/empty", tag_count=0)
    return shared_stage.session


async def pages(session: aiohttp.ClientSession, path: str, key: str, **options: dict[str, str]) -> list[list[str]]:
    """What each page of a list holds, by following the links."""
    found = []
    while path:
        async with session.get(path, **options) as response:
            assert response.status == 200
            found.append((await response.json())[key])
            path = str(response.links["next"]["url"].relative()) if "next" in response.links else ""
    return found


EVERYTHING = [
    "edge/team/app",
    "edge-2/team/app",
    "here/looping",
    "prod/nginx",
    "prod/team/app",
    "prod/team/app2",
    "prod/team/zoo",
]


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
async def test_the_base_says_that_a_registry_is_spoken(session: aiohttp.ClientSession, path: str) -> None:
    async with session.get(path) as response:
        assert response.status == 200
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Request-Id"]
        assert await response.json() == {}


@pytest.mark.parametrize(("size", "lengths"), [("", [7]), ("?n=4", [4, 3]), ("?n=1", [1] * 7), ("?n=100000", [7])])
async def test_the_catalog_is_whole_whatever_the_pages(
    session: aiohttp.ClientSession, size: str, lengths: list[int]
) -> None:
    found = await pages(session, f"/v2/_catalog{size}", "repositories")

    assert [len(page) for page in found] == lengths
    assert list(chain(*found)) == EVERYTHING


async def test_the_catalog_goes_on_after_any_name(session: aiohttp.ClientSession, shared_stage: Stage) -> None:
    assert await shared_stage.ask("/v2/_catalog?last=prod/team/app&n=1") == {"repositories": ["prod/team/app2"]}
    assert await shared_stage.ask("/v2/_catalog?last=prod") == {"repositories": EVERYTHING[3:]}
    assert await shared_stage.ask("/v2/_catalog?last=zzz") == {"repositories": []}


async def test_tags_are_those_of_the_registry_signatures_among_them(
    session: aiohttp.ClientSession, shared_stage: Stage
) -> None:
    found = await pages(session, "/v2/prod/team/zoo/tags/list?n=2", "tags")

    assert [len(page) for page in found] == [2, 2, 1]
    assert list(chain(*found)) == ["1.0", "1.1", "Latest", "latest", "sha256-" + "a" * 64 + ".sig"]
    assert await shared_stage.ask("/v2/prod/team/zoo/tags/list?last=Latest&n=1") == {
        "name": "prod/team/zoo",
        "tags": ["latest"],
    }


async def test_a_repository_without_tags_has_an_empty_list(session: aiohttp.ClientSession, shared_stage: Stage) -> None:
    assert await shared_stage.ask("/v2/prod/team/app/tags/list") == {"name": "prod/team/app", "tags": []}


@pytest.mark.parametrize("path", ["/v2/_catalog", "/v2/prod/team/zoo/tags/list"])
async def test_no_names_wanted_is_no_names_and_no_link(session: aiohttp.ClientSession, path: str) -> None:
    async with session.get(path, params={"n": "0"}) as response:
        answer = await response.json()
        assert answer.get("tags", answer.get("repositories")) == []
        assert not response.links


async def test_parameters_of_other_registries_are_left_alone(
    session: aiohttp.ClientSession, shared_stage: Stage
) -> None:
    answer = await shared_stage.ask("/v2/_catalog?ns=docker.io&within=prod&n=&last=&next_page=x&n=1")

    assert answer == {"repositories": EVERYTHING[:1]}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", ["team/app/manifests/1.0", f"team/app/manifests/{digest_of('x')}", f"team/app/blobs/{digest_of('x')}"]
)
async def test_content_is_at_the_registry(session: aiohttp.ClientSession, method: str, path: str) -> None:
    async with session.request(method, f"/v2/prod/{path}", allow_redirects=False) as response:
        assert response.status == 307
        assert response.headers["Location"] == f"http://prod/v2/{path}"
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert await response.read() == b""


async def test_escaped_slashes_are_slashes(session: aiohttp.ClientSession) -> None:
    async with session.get(
        aiohttp.client.URL("/v2/prod%2Fteam%2Fapp/manifests/1.0", encoded=True), allow_redirects=False
    ) as response:
        assert response.headers["Location"] == "http://prod/v2/team/app/manifests/1.0"


async def test_under_a_registrys_host_names_are_bare_and_its_own(
    session: aiohttp.ClientSession, shared_stage: Stage
) -> None:
    there = {"headers": {"Host": "PROD.example.com"}}

    found = await pages(session, "/v2/_catalog?n=3", "repositories", **there)
    assert found == [["nginx", "team/app", "team/app2"], ["team/zoo"]]
    assert (await shared_stage.ask("/v2/team/zoo/tags/list?n=1", **there)) == {"name": "team/zoo", "tags": ["1.0"]}
    async with session.get("/v2/nginx/manifests/1.0", allow_redirects=False, **there) as response:
        assert response.headers["Location"] == "http://prod/v2/nginx/manifests/1.0"
    async with session.get("/v2/edge/team/app/tags/list", **there) as response:
        assert response.status == 404


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Forwarded", "X-Original-Host"])
async def test_no_other_header_names_a_host(session: aiohttp.ClientSession, shared_stage: Stage, header: str) -> None:
    value = "host=prod.example.com" if header == "Forwarded" else "prod.example.com"

    assert await shared_stage.ask("/v2/_catalog", headers={header: value}) == {"repositories": EVERYTHING}


async def test_a_proxy_that_sends_pulls_in_a_circle_is_told(session: aiohttp.ClientSession) -> None:
    there = {"headers": {"Host": "here.example.com"}, "allow_redirects": False}
    async with session.get("/v2/looping/manifests/1.0", **there) as response:
        assert response.status == 421
        assert (await response.json())["errors"][0]["code"] == "UNSUPPORTED"
    async with session.get("/v2/here/looping/manifests/1.0", allow_redirects=False) as response:
        assert response.status == 307


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/prod/team/none/tags/list", 404, "NAME_UNKNOWN"),
        ("/v2/nowhere/app/manifests/1.0", 404, "NAME_UNKNOWN"),
        ("/v2/prod/tags/list", 404, "NAME_UNKNOWN"),
        ("/v2/prod/team/none/blobs/" + digest_of("x"), 404, "NAME_UNKNOWN"),
        ("/v2/prod/Team/tags/list", 400, "NAME_INVALID"),
        ("/v2/prod//team/tags/list", 400, "NAME_INVALID"),
        ("/v2/PROD/team/app/tags/list", 400, "NAME_INVALID"),
        ("/v2/prod/" + "a" * 256 + "/tags/list", 400, "NAME_INVALID"),
        ("/v2/prod/" + "a" * 2000 + "/tags/list", 400, "NAME_INVALID"),
        ("/v2/prod/a%00b/tags/list", 400, "NAME_INVALID"),
        ("/v2/prod/%FF/tags/list", 400, "NAME_INVALID"),
        ("/v2/prod/%252e%252e/tags/list", 400, "NAME_INVALID"),
        ("/v2/prod/team/app/manifests/-x", 400, "MANIFEST_INVALID"),
        ("/v2/prod/team/app/manifests/sha256:abc", 400, "MANIFEST_INVALID"),
        ("/v2/prod/team/app/blobs/latest", 400, "DIGEST_INVALID"),
        ("/v2/_catalog?n=-1", 400, "PAGINATION_NUMBER_INVALID"),
        ("/v2/_catalog?n=many", 400, "PAGINATION_NUMBER_INVALID"),
        ("/v2/_catalog?n=1" + "0" * 30, 400, "PAGINATION_NUMBER_INVALID"),
        ("/v2/_catalog?last=%00", 400, "UNSUPPORTED"),
        ("/v2/_catalog?last=%FF", 400, "UNSUPPORTED"),
        ("/v2/_catalog?last=" + "a" * 5000, 400, "UNSUPPORTED"),
        ("/v2/prod/team/app/referrers/" + digest_of("x"), 404, "UNSUPPORTED"),
        ("/v2/prod/team/app/blobs/uploads/1", 404, "UNSUPPORTED"),
        ("/v2/nothing", 404, "UNSUPPORTED"),
    ],
)
async def test_errors_are_those_of_a_registry(
    session: aiohttp.ClientSession, path: str, status: int, code: str
) -> None:
    async with session.get(aiohttp.client.URL(path, encoded=True), allow_redirects=False) as response:
        assert response.status == status
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        answer = await response.json()
    ((error,),) = answer.values()
    assert error.keys() == {"code", "message"}
    assert error["code"] == code
    assert "team/none" not in error["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/prod/team/app/blobs/uploads/"),
        ("PUT", "/v2/prod/team/app/manifests/1.0"),
        ("PATCH", "/v2/prod/team/app/blobs/uploads/1"),
        ("DELETE", "/v2/prod/team/app/manifests/1.0"),
        ("POST", "/v2/"),
        ("TRACE", "/v2/"),
    ],
)
async def test_nothing_is_written(session: aiohttp.ClientSession, method: str, path: str) -> None:
    async with session.request(method, path, data=b"x" if method != "TRACE" else None) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD"
        assert (await response.json())["errors"][0]["code"] == "UNSUPPORTED"


async def test_names_alone_are_read_from_an_index(shared_stage: Stage) -> None:
    seen = []

    class Watched:
        async def fetch(self, query: str, *values: object) -> list[object]:
            async with shared_stage.db.acquire() as conn, conn.transaction():
                await conn.execute("SET LOCAL enable_seqscan = off")
                seen.extend(row[0] for row in await conn.fetch(f"EXPLAIN {query}", *values))
            return []

    watched: object = Watched()
    await repositories.list_repository_names(watched, None, registry="", after=("prod", "n"), limit=10)  # type: ignore[arg-type]
    await tags.list_tag_names(watched, None, "prod", "nginx", after="1", limit=10)  # type: ignore[arg-type]
    plan = "\n".join(seen)
    assert "repository_registry_id_name_key" in plan
    assert "tag_pkey" in plan


async def test_a_path_before_v2_is_in_the_way_to_content(session: aiohttp.ClientSession, shared_stage: Stage) -> None:
    async with shared_stage.db.acquire() as conn:
        await register(conn, [Registry(name="hub", url="https://hub.example.com/", path_prefix="/api/docker/hub/")])
    await shared_stage.seed.repository("hub", "app")

    async with session.get("/v2/hub/app/manifests/1.0", allow_redirects=False) as response:
        assert response.headers["Location"] == "https://hub.example.com/api/docker/hub/v2/app/manifests/1.0"
