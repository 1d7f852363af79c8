"""API keys over both transports: who may ask what, and when a door stays shut."""

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
import pytest_asyncio

from regdex.database import Pool
from regdex.errors import Misconfigured
from regdex.settings import Grpc, Rest, Settings
from regdex.store import keys
from service import auth
from service.caller import Scope
from service.process import Addresses, serving
from tests.harness.asking import Asker, Refused, RestAsker, RpcAsker
from tests.harness.seed import Seed
from tests.service.conftest import LOCAL


@pytest_asyncio.fixture
async def guarded(db: Pool) -> AsyncIterator[tuple[Addresses, dict[str, str]]]:
    """A service whose database has a key of each scope."""
    made = {scope.word: await auth.create_key(db, name=scope.word, scope=scope) for scope in Scope}
    async with serving(LOCAL, db, None) as addresses:
        yield addresses, made


def askers(addresses: Addresses, key: str | None) -> list[Asker]:
    return [RestAsker(addresses.rest, key), RpcAsker(addresses.grpc, key)]


async def refused_code(asker: Asker, method: str, **fields: object) -> str:
    with pytest.raises(Refused) as refused:
        await asker.ask(method, **fields)
    return refused.value.code


async def test_everybody_on_this_machine_may_ask_until_the_first_key_is_made(service: Addresses, db: Pool) -> None:
    for asker in askers(service, None):
        await asker.ask("ListRegistries")


async def test_without_a_right_key_nobody_may_ask(guarded: tuple[Addresses, dict[str, str]]) -> None:
    addresses, made = guarded
    key = made["read"]
    wrong = [None, key[:-1], key[:-1] + ("a" if key[-1] != "a" else "b"), key.upper(), "rdx_x", "x" * 5000]
    for text in wrong:
        for asker in askers(addresses, text):
            assert await refused_code(asker, "ListRegistries") == "UNAUTHENTICATED"


async def test_a_key_in_the_query_is_no_key(guarded: tuple[Addresses, dict[str, str]]) -> None:
    addresses, made = guarded
    url = f"http://{addresses.rest}/api/v1/registries?api_key={made['admin']}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status in (400, 401)
        assert made["admin"] not in await response.text()


async def test_higher_scopes_include_lower_ones_and_no_more(
    guarded: tuple[Addresses, dict[str, str]], seed: Seed, db: Pool
) -> None:
    addresses, made = guarded
    await db.execute("INSERT INTO registry (name, kind, url) VALUES ('of-keys', 'distribution', 'http://127.0.0.1:1')")
    for asker in askers(addresses, made["read"]):
        await asker.ask("ListRegistries")
        assert await refused_code(asker, "StartBackfill", registry="of-keys") == "PERMISSION_DENIED"
        assert await refused_code(asker, "ReplayDeadLetters") == "PERMISSION_DENIED"
    for asker in askers(addresses, made["write"]):
        assert (await asker.ask("StartBackfill", registry="of-keys"))["state"] == "waiting"
        assert await refused_code(asker, "ReplayDeadLetters") == "PERMISSION_DENIED"
        assert await refused_code(asker, "RebuildSearchIndex") == "PERMISSION_DENIED"
        await asker.ask("GetSearchIndex")
    for asker in askers(addresses, made["admin"]):
        await asker.ask("ListRegistries")
        assert (await asker.ask("ReplayDeadLetters"))["replayed_count"] == 0


async def test_revoked_and_expired_keys_are_none(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    revoked = await auth.create_key(db, name="revoked", scope=Scope.READ)
    expired = await auth.create_key(db, name="expired", scope=Scope.READ, lifetime=timedelta(microseconds=1))
    assert await keys.revoke_key(db, revoked.split("_")[1])
    async with serving(LOCAL, db, None) as addresses:
        for key in (revoked, expired, None):
            for asker in askers(addresses, key):
                assert await refused_code(asker, "ListRegistries") == "UNAUTHENTICATED"


async def test_a_key_revoked_meanwhile_stops_working(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "FRESH_SECONDS", 0.0)
    key = await auth.create_key(db, name="portal", scope=Scope.READ)
    async with serving(LOCAL, db, None) as addresses:
        for asker in askers(addresses, key):
            await asker.ask("ListRegistries")
        await keys.revoke_key(db, key.split("_")[1])
        for asker in askers(addresses, key):
            assert await refused_code(asker, "ListRegistries") == "UNAUTHENTICATED"


@pytest.mark.parametrize("section", ["rest", "grpc"])
async def test_other_addresses_need_a_key_or_the_words(db: Pool, section: str) -> None:
    open_to_all = LOCAL.model_copy(
        update={"rest": Rest(listen="0.0.0.0:0")} if section == "rest" else {"grpc": Grpc(listen="0.0.0.0:0")}
    )

    async def start(settings: Settings, *, insecure_no_auth: bool = False) -> None:
        async with serving(settings, db, None, insecure_no_auth=insecure_no_auth):
            pass

    with pytest.raises(Misconfigured, match=section):
        await start(open_to_all)
    await start(open_to_all, insecure_no_auth=True)
    await auth.create_key(db, name="portal", scope=Scope.READ)
    await start(open_to_all)


async def test_an_answer_that_has_not_changed_is_not_sent_again(service: Addresses) -> None:
    async with aiohttp.ClientSession(f"http://{service.rest}") as session:
        async with session.get("/api/v1/registries") as response:
            tag = response.headers["ETag"]
            assert not tag.startswith("W/")
        async with session.get("/api/v1/registries", headers={"If-None-Match": tag}) as response:
            assert response.status == 304
            assert await response.read() == b""
        async with session.get("/api/v1/registries", headers={"If-None-Match": '"other"'}) as response:
            assert response.status == 200
