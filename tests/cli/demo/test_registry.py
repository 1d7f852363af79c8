"""The demo registry follows the distribution specification and sends events."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest_asyncio

from cli import demo
from cli.demo.catalog import SERVICES, make_catalog
from cli.demo.images import INDEX, digest_of
from cli.demo.journal import load
from tests.cli.demo.endpoint import Endpoint, listening

PAYMENT = "payments/payment-gateway"


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with listening() as found:
        yield found


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[demo.Demo]:
    async with demo.running("", "") as found:
        yield found


@pytest_asyncio.fixture
async def http(registry: demo.Demo) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(registry.url) as session:
        yield session


async def names(http: aiohttp.ClientSession, path: str, key: str) -> list[str]:
    """Return all pages, by following Links."""
    found: list[str] = []
    while path:
        async with http.get(path) as response:
            found += (await response.json())[key]
            path = response.headers.get("Link", "").partition(">")[0].removeprefix("<")
    return found


def test_catalog_is_the_same_for_the_same_seed() -> None:
    first, second, other = make_catalog(7), make_catalog(7), make_catalog(8)

    assert first.repositories == second.repositories
    assert first.blobs == second.blobs
    assert first.repositories != other.repositories


async def test_catalog_and_tags_page_by_link(http: aiohttp.ClientSession) -> None:
    repositories = await names(http, "/v2/_catalog?n=7", "repositories")
    tags = await names(http, f"/v2/{PAYMENT}/tags/list?n=5", "tags")

    assert repositories == sorted(service.name for service in SERVICES)
    assert tags == sorted(tags)
    assert {"latest", "production", "3.8.0"} <= set(tags)


async def test_too_large_page_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.get("/v2/_catalog?n=1001") as response:
        assert response.status == 400
        assert (await response.json())["errors"][0]["code"] == "PAGINATION_NUMBER_INVALID"


async def test_description_is_chinese_on_index_and_in_config(http: aiohttp.ClientSession) -> None:
    key = "org.opencontainers.image.description"
    async with http.get(f"/v2/{PAYMENT}/manifests/latest") as response:
        index = orjson.loads(await response.read())
    async with http.get(f"/v2/{PAYMENT}/manifests/{index['manifests'][0]['digest']}") as response:
        manifest = orjson.loads(await response.read())
    async with http.get(f"/v2/{PAYMENT}/blobs/{manifest['config']['digest']}") as response:
        config = orjson.loads(await response.read())

    assert index["annotations"][key] == "支付网关"
    assert config["config"]["Labels"][key] == "支付网关"


async def test_referrers_are_listed_and_filtered(http: aiohttp.ClientSession) -> None:
    async with http.head(f"/v2/{PAYMENT}/manifests/3.8.0") as response:
        digest = response.headers["Docker-Content-Digest"]
    async with http.get(f"/v2/{PAYMENT}/referrers/{digest}") as response:
        assert response.content_type == INDEX
        found = orjson.loads(await response.read())["manifests"]
    async with http.get(
        f"/v2/{PAYMENT}/referrers/{digest}", params={"artifactType": "application/spdx+json"}
    ) as response:
        filtered = orjson.loads(await response.read())["manifests"]
        assert response.headers["OCI-Filters-Applied"] == "artifactType"

    assert len(found) == 2
    assert [entry["artifactType"] for entry in filtered] == ["application/spdx+json"]


async def test_upload_in_chunks_and_its_refusals(http: aiohttp.ClientSession) -> None:
    digest = digest_of(b"first second")
    async with http.post("/v2/new/app/blobs/uploads/") as response:
        location = response.headers["Location"]
    async with http.patch(location, data=b"first ", headers={"Content-Range": "0-5"}) as response:
        assert response.headers["Range"] == "0-5"
    async with http.patch(location, data=b"second", headers={"Content-Range": "2-7"}) as response:
        assert response.status == 416
    async with http.put(location, params={"digest": digest}, data=b"second") as response:
        assert response.status == 201
    async with http.get(f"/v2/new/app/blobs/{digest}") as response:
        assert await response.read() == b"first second"
    async with http.post("/v2/new/app/blobs/uploads/", params={"digest": digest}, data=b"other") as response:
        assert (await response.json())["errors"][0]["code"] == "DIGEST_INVALID"
    async with http.post("/v2/other/app/blobs/uploads/", params={"mount": digest, "from": "new/app"}) as response:
        assert response.status == 201


async def test_manifest_without_its_blobs_is_refused(http: aiohttp.ClientSession, registry: demo.Demo) -> None:
    index = registry.content.manifest(PAYMENT, "latest")
    async with http.put(
        "/v2/elsewhere/manifests/1", data=index.body, headers={"Content-Type": index.media_type}
    ) as response:
        assert (await response.json())["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
    async with http.put("/v2/elsewhere/manifests/1", data=b'{"schemaVersion":2,"layers":7}') as response:
        assert response.status == 400


async def test_events_are_in_order_and_survive_refusals(endpoint: Endpoint) -> None:
    endpoint.refuse = 1
    async with demo.running(endpoint.url, "s3cret") as registry, aiohttp.ClientSession(registry.url) as http:
        digest = registry.content.repositories[PAYMENT].tags["3.8"]
        await http.head(f"/v2/{PAYMENT}/manifests/latest")
        await http.get(f"/v2/{PAYMENT}/manifests/{digest}", headers={"X-Forwarded-For": "10.0.0.7, 10.0.0.1"})
        await http.get(f"/v2/{PAYMENT}/manifests/{digest}", headers={"If-None-Match": f'"{digest}"'})
        await http.delete(f"/v2/{PAYMENT}/manifests/3.7")
        await http.delete(f"/v2/{PAYMENT}/manifests/{digest}")
        await endpoint.wait_until(lambda: len(endpoint.received) >= 7)
    events = endpoint.events()

    assert {event["target"].get("tag", "") for event in events[4:]} == {"3.8.0", "3.8", "latest"}
    assert [(event["action"], event["request"]["method"]) for event in events[:4]] == [
        ("pull", "HEAD"),
        ("pull", "GET"),
        ("delete", "DELETE"),
        ("delete", "DELETE"),
    ]
    assert events[0]["target"]["tag"] == "latest"
    assert events[1]["target"]["digest"] == digest
    assert events[1]["request"]["addr"] == "10.0.0.7"
    assert "tag" not in events[1]["target"]
    assert endpoint.headers[0]["Authorization"] == "Bearer s3cret"
    assert endpoint.headers[0]["Content-Type"] == "application/vnd.docker.distribution.events.v2+json"


async def test_journal_continues_where_it_was_stopped(tmp_path: Path) -> None:
    journal = tmp_path / "demo.journal"
    async with demo.running("", "", journal=journal) as registry, aiohttp.ClientSession(registry.url) as http:
        await http.delete(f"/v2/{PAYMENT}/manifests/3.1")
        await http.delete(f"/v2/{PAYMENT}/manifests/{registry.content.repositories[PAYMENT].tags['latest']}")
        # The child is deleted first: the index stays, and the journal stores it again without the child.
        index = registry.content.manifest("orders/cart", "production")
        child = orjson.loads(index.body)["manifests"][0]["digest"]
        await http.delete(f"/v2/orders/cart/manifests/{child}")
        before = registry.content.repositories
    with journal.open("ab") as file:
        file.write(b'["untag","half')

    for _ in range(2):
        async with demo.running("", "", journal=journal) as registry:
            assert {
                name: (repository.tags, set(repository.manifests))
                for name, repository in registry.content.repositories.items()
            } == {name: (repository.tags, set(repository.manifests)) for name, repository in before.items()}
    assert load(tmp_path / "none") is None
