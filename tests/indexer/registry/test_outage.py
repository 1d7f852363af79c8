"""A registry that fails as a whole is left alone; one that fails for some of its tags is read on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from indexer.registry.client import Limits, RegistryClient
from regdex.digest import Digest
from regdex.errors import RegistryError
from tests.harness.hostile import Handler, Hostile, client, document, hostile, plain

QUICK = Limits(backoff_seconds=0.001, patience_seconds=0, breaker_threshold=3, breaker_seconds=5)
LISTED = document({"tags": ["1"]})
BLOB = Digest.of(b"{}")


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        server.answers["/v2/"] = document({})
        yield server


async def fails(reader: RegistryClient, repository: str, reference: str) -> None:
    with pytest.raises(RegistryError) as refused:
        await reader.get_manifest(repository, reference)
    assert refused.value.problem in ("unavailable", "too_slow")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
async def test_eight_damaged_tags_hold_up_nobody(registry: Hostile, status: int) -> None:
    for tag in range(8):
        registry.answers[f"/v2/damaged/manifests/{tag}"] = plain(status=status)
    registry.answers["/v2/good/tags/list"] = LISTED
    async with client(registry.url, QUICK) as reader:
        await asyncio.gather(*(fails(reader, "damaged", str(tag)) for tag in range(8)))
        assert reader.wait_seconds() == 0
        assert (await reader.tags_page("good")).names == ("1",)


async def test_tag_that_never_answers_holds_up_nobody(registry: Hostile) -> None:
    async def stand_still(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    registry.answers["/v2/damaged/manifests/1"] = stand_still
    limits = Limits(backoff_seconds=0.001, patience_seconds=0, breaker_threshold=3, breaker_seconds=5)
    async with client(registry.url, limits) as reader:
        reader._transport._egress.limits = type(limits.http)(total_seconds=0.05)
        await fails(reader, "damaged", "1")
        assert reader.wait_seconds() == 0


async def test_failures_in_several_repositories_in_a_row_are_the_registrys(registry: Hostile) -> None:
    async with client(registry.url, QUICK) as reader:
        for number in range(3):
            registry.answers[f"/v2/r{number}/manifests/1"] = plain(status=500)
            assert reader.wait_seconds() == 0
            await fails(reader, f"r{number}", "1")
        assert reader.wait_seconds() > 0


async def test_success_in_between_shows_that_the_registry_is_up(registry: Hostile) -> None:
    registry.answers["/v2/good/tags/list"] = LISTED
    async with client(registry.url, QUICK) as reader:
        for number in range(6):
            registry.answers[f"/v2/r{number}/manifests/1"] = plain(status=500)
            await fails(reader, f"r{number}", "1")
            await reader.tags_page("good")
        assert reader.wait_seconds() == 0


@pytest.mark.parametrize("answer", [plain(status=503), plain(status=500)])
async def test_failures_in_one_repository_are_the_registrys_where_v2_fails_too(
    registry: Hostile, answer: Handler
) -> None:
    registry.answers |= {"/v2/": answer, "/v2/app/manifests/1": answer}
    async with client(registry.url, QUICK) as reader:
        await fails(reader, "app", "1")
        assert reader.wait_seconds() > 0
        asked = len(registry.seen)
        await fails(reader, "app", "1")
        assert len(registry.seen) == asked


async def test_a_registry_is_asked_again_once_it_is_up() -> None:
    limits = Limits(backoff_seconds=0.001, patience_seconds=0, breaker_threshold=2, breaker_seconds=0.05)
    async with hostile() as registry, client(registry.url, limits) as reader:
        down: dict[str, Any] = {"/v2/": plain(status=503), "/v2/app/tags/list": plain(status=503)}
        registry.answers |= down
        for _ in range(3):
            with pytest.raises(RegistryError):
                await reader.patient(1).tags_page("app")
        registry.answers |= {"/v2/": document({}), "/v2/app/tags/list": LISTED}
        assert (await reader.patient(2).tags_page("app")).names == ("1",)
        assert reader.wait_seconds() == 0


async def test_a_probe_that_meets_a_damaged_tag_does_not_keep_the_registry_shut(registry: Hostile) -> None:
    limits = Limits(backoff_seconds=0.001, patience_seconds=0, breaker_threshold=3, breaker_seconds=0.05)
    for number in range(3):
        registry.answers[f"/v2/r{number}/manifests/1"] = plain(status=500)
    async with client(registry.url, limits) as reader:
        await asyncio.gather(*(fails(reader, f"r{number}", "1") for number in range(3)))
        await asyncio.sleep(0.1)
        await fails(reader.patient(1), "r0", "1")
        assert reader.wait_seconds() == 0


async def test_registry_that_cannot_be_connected_to_is_left_alone_at_once() -> None:
    async with client("http://127.0.0.1:1", QUICK) as reader:
        await fails(reader, "app", "1")
        assert reader.wait_seconds() > 0


async def test_heads_that_fail_do_not_shut_the_registry(registry: Hostile) -> None:
    for number in range(5):
        registry.answers[f"/v2/r{number}/manifests/1"] = plain(status=500)
    async with client(registry.url, QUICK) as reader:
        for number in range(5):
            with pytest.raises(RegistryError):
                await reader.head_manifest(f"r{number}", "1")
        assert reader.wait_seconds() == 0


@pytest.mark.parametrize("status", [0, 401, 403, 429, 500, 503])
async def test_host_of_blobs_that_fails_is_named_and_holds_up_nothing_else(registry: Hostile, status: int) -> None:
    """Status 0: nothing listens at the host."""
    headers: dict[str, Any] = {"Retry_After": "600", "WWW_Authenticate": "Basic realm=x"}
    async with hostile() as store:
        host = f"127.0.0.1:{store.port if status else 1}"
        store.answers["/there"] = plain(status=status, **headers)
        registry.answers["/v2/good/tags/list"] = LISTED
        async with client(registry.url, QUICK, blob_hosts=[host]) as reader:
            for number in range(5):
                path = f"/v2/r{number}/blobs/{BLOB}"
                registry.answers[path] = plain(status=307, Location=f"http://{host}/there")
                with pytest.raises(RegistryError, match=host):
                    await reader.get_blob(f"r{number}", BLOB, max_bytes=10)
                assert reader.wait_seconds() == 0
            assert reader.rate_limited_until is None
            assert (await reader.tags_page("good")).names == ("1",)
