"""Stars and descriptions, over both transports; and stars under any interleaving."""

import asyncio
from collections import defaultdict

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regdex.database import Pool
from regdex.errors import NotFound
from regdex.settings import Search
from regdex.store.catalog.curation import add_star, remove_star
from service.auth import create_key
from service.caller import Caller, Scope
from service.catalog.curation import star_repository, unstar_repository, update_repository
from service.context import Context
from service.models.repositories import StarRepositoryRequest, UnstarRepositoryRequest, UpdateRepositoryRequest
from service.process import Addresses, serving
from tests.harness.asking import Asker, Refused, RestAsker, RpcAsker
from tests.harness.seed import Seed
from tests.service.conftest import LOCAL

GATEWAY = {"registry": "prod", "repository": "payments/gateway"}


@pytest.fixture
async def gateway(seed: Seed) -> int:
    await seed.registry("prod")
    return await seed.repository("prod", "payments/gateway", description="What images say", title="Gateway")


async def queued(db: Pool) -> list[tuple[int, int]]:
    return [tuple(row) for row in await db.fetch("SELECT repository_id, version FROM outbox")]


async def test_a_description_takes_the_place_of_the_images_and_goes_again(gateway: int, asker: Asker, db: Pool) -> None:
    before = await asker.ask("GetRepository", **GATEWAY)
    set_to = await asker.ask("UpdateRepository", **GATEWAY, description=" Takes payments\n支付 ")

    assert (before["description"], before["description_overridden"], before["title"]) == (
        "What images say",
        False,
        "Gateway",
    )
    assert (set_to["description"], set_to["description_overridden"]) == ("Takes payments\n支付", True)
    assert [id for id, _ in await queued(db)] == [gateway]
    await asyncio.sleep(0.25)  # how old an answer of the cache may be
    assert await asker.ask("GetRepository", **GATEWAY) == set_to
    assert (await asker.ask("ListRepositories"))["repositories"] == [set_to]
    assert await asker.ask("UpdateRepository", **GATEWAY, description="") == before


async def test_what_changes_nothing_is_not_published(gateway: int, asker: Asker, db: Pool) -> None:
    await asker.ask("UpdateRepository", **GATEWAY, description="")
    await asker.ask("UnstarRepository", **GATEWAY, user="ada")
    assert await queued(db) == []

    await asker.ask("UpdateRepository", **GATEWAY, description="Ours")
    await asker.ask("StarRepository", **GATEWAY, user="ada")
    before = await queued(db)
    assert (await asker.ask("UpdateRepository", **GATEWAY))["description"] == "Ours"
    await asker.ask("UpdateRepository", **GATEWAY, description="Ours")
    await asker.ask("StarRepository", **GATEWAY, user="ada")

    assert await queued(db) == before
    assert len(before) == 1


async def test_a_description_of_nothing_but_signs_for_terminals_is_none(gateway: int, asker: Asker) -> None:
    answer = await asker.ask("UpdateRepository", **GATEWAY, description="\x1b\x07\x00 \u202e")

    assert answer["description"] == "What images say"
    assert (await asker.ask("UpdateRepository", **GATEWAY, description="a\x1b[2Jb\x00"))["description"] == "a[2Jb"


async def test_each_user_stars_once(gateway: int, asker: Asker) -> None:
    for user in ("ada", "ada", "bo", ""):
        answer = await asker.ask("StarRepository", **GATEWAY, user=user)
        assert answer["starred"] is True
    assert answer["stars"] == 3

    assert await asker.ask("UnstarRepository", **GATEWAY, user="ada") == {"stars": 2, "starred": False}
    assert await asker.ask("UnstarRepository", **GATEWAY, user="ada") == {"stars": 2, "starred": False}
    assert await asker.ask("UnstarRepository", **GATEWAY) == {"stars": 1, "starred": False}
    assert (await asker.ask("GetRepository", **GATEWAY))["stars"] == 1


async def test_a_star_without_a_user_is_the_keys_own(gateway: int, db: Pool) -> None:
    key = await create_key(db, name="portal", scope=Scope.WRITE)
    reader = await create_key(db, name="reader", scope=Scope.READ)
    async with serving(LOCAL, db, None) as addresses:
        await RestAsker(addresses.rest, key).ask("StarRepository", **GATEWAY)
        await RpcAsker(addresses.grpc, key).ask("StarRepository", **GATEWAY, user="ada")
        for asker in (RestAsker(addresses.rest, reader), RpcAsker(addresses.grpc, reader)):
            for method, fields in (
                ("StarRepository", GATEWAY),
                ("UnstarRepository", GATEWAY),
                ("UpdateRepository", {**GATEWAY, "description": "x"}),
            ):
                with pytest.raises(Refused, match="PERMISSION_DENIED"):
                    await asker.ask(method, **fields)

    assert {row["user_name"] for row in await db.fetch("SELECT user_name FROM star")} == {"ada", key[4:12]}


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("UpdateRepository", {**GATEWAY, "description": "x" * 4001}),
        ("StarRepository", {**GATEWAY, "user": "x" * 129}),
        ("StarRepository", {**GATEWAY, "user": "a\nb"}),
        ("UnstarRepository", {**GATEWAY, "user": "a\x00b"}),
        ("StarRepository", {**GATEWAY, "repository": "UPPER"}),
    ],
)
async def test_what_cannot_be_kept_is_refused(asker: Asker, method: str, fields: dict[str, str]) -> None:
    with pytest.raises(Refused, match="INVALID_ARGUMENT"):
        await asker.ask(method, **fields)


async def test_what_is_not_there_or_not_visible_is_not_found(gateway: int, asker: Asker, db: Pool) -> None:
    absent = {"registry": "prod", "repository": "payments/absent"}
    for method, more in (("UpdateRepository", {"description": "x"}), ("StarRepository", {}), ("UnstarRepository", {})):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await asker.ask(method, **absent, **more)

    stranger = Caller(scope=Scope.ADMIN, project_ids=frozenset({4711}))
    with pytest.raises(NotFound):
        await update_repository(Context(db), stranger, UpdateRepositoryRequest(**GATEWAY, description="x"))
    with pytest.raises(NotFound):
        await star_repository(Context(db), stranger, StarRepositoryRequest(**GATEWAY))
    with pytest.raises(NotFound):
        await unstar_repository(Context(db), stranger, UnstarRepositoryRequest(**GATEWAY))
    assert await db.fetchval("SELECT count(*) FROM star") == 0
    assert await queued(db) == []


@pytest.mark.usefixtures("gateway")
async def test_entity_tags_move_with_stars_and_descriptions(service: Addresses) -> None:
    asker = RestAsker(service.rest)
    tags = []
    async with aiohttp.ClientSession(f"http://{service.rest}") as session:

        async def note() -> None:
            await asyncio.sleep(0.25)  # how old an answer of the cache may be
            for path in ("/api/v1/repositories/prod/payments/gateway", "/api/v1/repositories"):
                async with session.get(path) as response:
                    tags.append(response.headers["ETag"])

        await note()
        await asker.ask("StarRepository", **GATEWAY)
        await note()
        await asker.ask("UpdateRepository", **GATEWAY, description="Ours")
        await note()

    assert len(set(tags)) == 6


async def test_projects_that_are_vouched_for_are_official(seed: Seed, db: Pool) -> None:
    for registry in ("prod", "edge"):
        await seed.registry(registry)
        for name in ("library/nginx", "platform/nginx", "nginx"):
            await seed.repository(registry, name)
    official = Search(official_projects=("library", "prod/platform"))
    async with serving(LOCAL.model_copy(update={"search": official}), db, None) as addresses:
        for asker in (RestAsker(addresses.rest), RpcAsker(addresses.grpc)):
            found = (await asker.ask("ListRepositories"))["repositories"]
            assert {(r["registry"], r["repository"]) for r in found if r["official"]} == {
                ("prod", "library/nginx"),
                ("edge", "library/nginx"),
                ("prod", "platform/nginx"),
            }
            assert (await asker.ask("GetRepository", registry="prod", repository="platform/nginx"))["official"] is True


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["ada", "bo", "cy"]), st.booleans()), min_size=1, max_size=40
    )
)
async def test_stars_converge_whatever_comes_at_once(db: Pool, seed: Seed, asked: list[tuple[int, str, bool]]) -> None:
    """Each user's own requests come in turn, those of different users at once; all together count what is there."""
    await db.execute("TRUNCATE star, outbox, repository, project, registry CASCADE")
    await seed.registry("prod")
    ids = [await seed.repository("prod", f"a/app{number}") for number in range(3)]
    turns: defaultdict[str, list[tuple[int, bool]]] = defaultdict(list)
    for number, user, is_star in asked:
        turns[user].append((ids[number], is_star))

    async def ask(user: str) -> None:
        for id, is_star in turns[user]:
            async with db.acquire() as conn, conn.transaction():
                await (add_star if is_star else remove_star)(conn, id, user)

    # Twice at once, as a page that sends again what it has no answer to.
    await asyncio.gather(*(ask(user) for user in turns), *(ask(user) for user in turns))
    for user in turns:
        await ask(user)

    wanted = {(id, user): is_star for user, turn in turns.items() for id, is_star in turn}
    kept = {
        (row["repository_id"], row["user_name"]) for row in await db.fetch("SELECT repository_id, user_name FROM star")
    }
    assert kept == {key for key, is_star in wanted.items() if is_star}
    counts = dict(await db.fetch("SELECT id, stars FROM repository"))
    assert counts == {id: sum(1 for held, _ in kept if held == id) for id in ids}
    ever = {id for (id, _), is_star in wanted.items() if is_star}
    outbox = [id for id, _ in await queued(db)]
    assert len(outbox) == len(set(outbox))
    assert ever <= set(outbox) <= {id for id, _ in wanted}
