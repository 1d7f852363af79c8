"""Names and passwords are asked for when they are needed: a file that changed is read again, a provider asked anew."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from aiohttp import web
from pydantic import BaseModel, SecretStr

from indexer.kinds import KINDS, client_of
from indexer.kinds.distribution import Distribution
from indexer.registry.client import RegistryClient
from indexer.registry.credentials import Credentials, FileCredentials, Login
from regdex.errors import Misconfigured, RegistryError
from regdex.settings import Registry
from tests.harness.hostile import HASTY, Hostile, client, document, hostile

CATALOG = {"repositories": ["team/app"]}


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        yield server


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()


def guard(registry: Hostile, accepted: list[str]) -> None:
    """The catalog, for the passwords that are `accepted` now."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") in [basic(password) for password in accepted]:
            return await document(CATALOG)(request)
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})

    registry.answers["/v2/_catalog"] = answer


async def test_password_that_was_changed_is_used_at_once(registry: Hostile, tmp_path: Path) -> None:
    accepted = ["old"]
    guard(registry, accepted)
    file = tmp_path / "password"
    file.write_text("old")
    async with client(registry.url, username="me", password_file=file) as found:
        await found.catalog_page()
        accepted[:] = ["new-one"]
        file.write_text("new-one")
        registry.seen.clear()

        await found.catalog_page()

        assert [seen.headers["Authorization"] for seen in registry.seen] == [basic("new-one")]


async def test_file_that_is_away_leaves_the_password(registry: Hostile, tmp_path: Path) -> None:
    guard(registry, ["old"])
    file = tmp_path / "password"
    file.write_text("old")
    async with client(registry.url, username="me", password_file=file) as found:
        file.unlink()
        await found.catalog_page()
        file.write_text("")
        await found.catalog_page()


async def test_file_must_be_there_at_first(registry: Hostile, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        client(registry.url, username="me", password_file=tmp_path / "none")


async def test_refused_password_is_tried_once(registry: Hostile, tmp_path: Path) -> None:
    guard(registry, ["other"])
    file = tmp_path / "password"
    file.write_text("wrong")
    async with client(registry.url, username="me", password_file=file) as found:
        with pytest.raises(RegistryError, match="unauthorized"):
            await found.catalog_page()
        assert len(registry.seen) <= 2


@dataclass
class Expiring:
    """A provider whose passwords end: each refusal brings the next one."""

    passwords: list[str]
    refused: list[str] = field(default_factory=list)

    async def login(self, *, refused: Login | None = None) -> Login:
        if refused is not None and len(self.passwords) > 1:
            self.refused.append(refused.password.get_secret_value())
            self.passwords.pop(0)
        return Login("me", SecretStr(self.passwords[0]))


async def test_provider_is_asked_anew_once(registry: Hostile) -> None:
    accepted = ["first"]
    guard(registry, accepted)
    provider = Expiring(["first", "second", "third", "fourth"])
    async with RegistryClient(Registry(name="prod", url=registry.url), HASTY, provider) as found:
        await found.catalog_page()
        accepted[:] = ["second"]
        await found.catalog_page()
        assert provider.refused == ["first"]
        accepted[:] = []
        with pytest.raises(RegistryError, match="unauthorized"):
            await found.catalog_page()
        assert provider.refused == ["first", "second"]


async def test_token_service_that_refuses_is_asked_with_a_new_password(registry: Hostile) -> None:
    async def catalog(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == "Bearer t":
            return await document(CATALOG)(request)
        challenge = f'Bearer realm="{registry.url}/token",service="s"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async def token(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == basic("second"):
            return web.json_response({"token": "t"})
        return web.Response(status=401)

    registry.answers |= {"/v2/_catalog": catalog, "/token": token}
    provider = Expiring(["first", "second"])
    async with RegistryClient(Registry(name="prod", url=registry.url), HASTY, provider) as found:
        assert (await found.catalog_page()).names == ("team/app",)
    assert provider.refused == ["first"]


async def test_kind_says_who_we_are(registry: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    guard(registry, ["issued"])

    class Issued(Distribution):
        name: ClassVar[str] = "issued"

        def credentials(self, registry: Registry, options: BaseModel) -> Credentials:
            return Expiring(["issued"])

    monkeypatch.setitem(KINDS, "issued", Issued())
    async with client_of(Registry(name="prod", url=registry.url, kind="issued"), HASTY) as found:
        assert (await found.catalog_page()).names == ("team/app",)


def test_password_is_in_no_representation(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2")
    settings: dict[str, Any] = {"name": "prod", "url": "http://registry", "password_file": tmp_path / "password"}
    provider = FileCredentials(Registry.model_validate(settings))
    assert "hunter2" not in repr(provider.__dict__)
