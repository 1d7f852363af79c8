"""Blobs that a registry keeps elsewhere: hosts at private addresses are asked where `blob_hosts` names them."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from indexer.registry.egress import Egress
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.settings import Registry
from tests.harness.hostile import client, document, hostile, plain

BLOB = Digest.of(b"{}")
PATH = f"/v2/app/blobs/{BLOB}"


@pytest.mark.parametrize("name", ["{host}", "{host}:{port}"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_named_host_is_asked_without_anything_of_ours(tmp_path: Path, host: str, name: str) -> None:
    (tmp_path / "password").write_text("hunter2")
    async with hostile() as registry, hostile() as store:

        async def blob(request: web.Request) -> web.StreamResponse:
            if "Authorization" not in request.headers:
                return web.Response(status=401, headers={"WWW-Authenticate": "Basic realm=/"})
            location = f"http://{host}:{store.port}/bucket?X-Signature=abc"
            return web.Response(status=307, headers={"Location": location})

        registry.answers[PATH] = blob
        store.answers["/bucket"] = plain(b"{}")
        settings: dict[str, Any] = {
            "blob_hosts": [name.format(host=host, port=store.port)],
            "username": "me",
            "password_file": tmp_path / "password",
        }
        async with client(registry.url, **settings) as reader:
            assert await reader.get_blob("app", BLOB, max_bytes=100) == b"{}"
            assert reader.refused_blob_hosts == ()
        [seen] = store.seen
        assert seen.query == "X-Signature=abc"
        assert set(seen.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


async def test_404_of_another_host_deletes_nothing() -> None:
    """The registry says where the manifest is; its storage does not have it."""
    async with hostile() as registry, hostile() as store:
        registry.answers["/v2/app/manifests/1"] = plain(status=307, Location=f"http://localhost:{store.port}/bucket")
        store.answers["/bucket"] = plain(b"<Error>NoSuchKey</Error>", status=404, media_type="application/xml")
        async with client(registry.url, blob_hosts=["localhost"]) as reader:
            with pytest.raises(RegistryError) as failed:
                await reader.resolve("app", "1", ())
    assert str(failed.value) == (f"unexpected_content: redirected to localhost:{store.port}, which answered 404")


async def test_host_that_is_not_named_is_told_with_what_to_set() -> None:
    async with hostile() as registry, hostile() as store:
        registry.answers[PATH] = plain(status=307, Location=f"{store.url}/bucket?X-Signature=abc")
        async with client(registry.url, blob_hosts=["127.0.0.1:1", "storage.example.com"]) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.get_blob("app", BLOB, max_bytes=100)
            assert reader.refused_blob_hosts == (f"127.0.0.1:{store.port}",)
        assert store.seen == []
    assert str(refused.value) == (
        f"blob_host_not_allowed: blobs are redirected to 127.0.0.1:{store.port}: name it in blob_hosts"
    )


async def test_a_blob_host_may_not_lead_on_to_a_host_that_is_not_named() -> None:
    async with hostile() as registry, hostile() as store, hostile() as inner:
        registry.answers[PATH] = plain(status=307, Location=f"{store.url}/bucket")
        store.answers["/bucket"] = plain(status=302, Location=f"{inner.url}/secret")
        async with client(registry.url, blob_hosts=[f"127.0.0.1:{store.port}"]) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.get_blob("app", BLOB, max_bytes=100)
        assert inner.seen == []
    assert refused.value.problem == "blob_host_not_allowed"


async def test_hostile_registry_names_many_hosts_and_few_are_kept() -> None:
    async with hostile() as registry, client(registry.url) as reader:
        for number in range(30):
            registry.answers[PATH] = plain(status=307, Location=f"http://10.0.0.{number}:9000/")
            with pytest.raises(RegistryError):
                await reader.get_blob("app", BLOB, max_bytes=100)
        assert len(reader.refused_blob_hosts) == 10


async def test_blobs_of_a_named_host_are_checked_by_their_digest() -> None:
    async with hostile() as registry, hostile() as store:
        registry.answers[PATH] = plain(status=307, Location=f"{store.url}/bucket")
        store.answers["/bucket"] = plain(b"[]")
        async with client(registry.url, blob_hosts=["127.0.0.1"]) as reader:
            with pytest.raises(RegistryError, match="digest_mismatch"):
                await reader.get_blob("app", BLOB, max_bytes=100)


async def test_blob_hosts_are_no_hosts_for_credentials() -> None:
    async with hostile() as registry, hostile() as store:
        challenge = f'Bearer realm="http://127.0.0.1:{store.port}/token"'
        registry.answers["/v2/"] = plain(status=401, WWW_Authenticate=challenge)
        store.answers["/token"] = document({"token": "t1"})
        async with client(registry.url, blob_hosts=[f"127.0.0.1:{store.port}"]) as reader:
            with pytest.raises(RegistryError, match="auth_host_not_allowed"):
                await reader.ping()
        assert store.seen == []


async def test_clock_of_a_blob_host_is_not_that_of_the_registry() -> None:
    async with hostile() as registry, hostile() as store:
        registry.answers[PATH] = plain(status=307, Location=f"{store.url}/bucket")
        store.answers["/bucket"] = plain(b"{}", Date="Tue, 24 Nov 2020 10:00:00 GMT")
        async with client(registry.url, blob_hosts=["127.0.0.1"]) as reader:
            await reader.get_blob("app", BLOB, max_bytes=100)
            assert reader.skew_seconds is None


def test_egress_knows_hosts_in_any_spelling() -> None:
    settings = {"blob_hosts": ("MinIO.example.com:9000", "[fd00::1]"), "name": "prod", "url": "https://r.example.com"}
    egress = Egress(Registry.model_validate(settings))
    assert egress.may_visit(URL("https://minio.example.com:9000/b"))
    assert egress.may_visit(URL("https://[fd00::1]:9000/b"))
    assert not egress.may_visit(URL("https://minio.example.com/b"))
    assert not egress.may_visit(URL("https://minio.example.com.evil.example:9000/b"))
    assert not egress.may_authenticate(URL("https://minio.example.com:9000/b"))
