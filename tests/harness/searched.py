"""A catalog with odd texts and a project that some callers may not see, in a search index; over both transports."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from indexer.publisher import rebuild
from regdex import database
from regdex.database import Pool
from regdex.search import SearchIndex
from regdex.settings import Grpc, Rest, Search, Settings
from service.caller import Caller, Scope
from service.context import Context
from service.process import serving
from tests.conftest import fresh_database
from tests.harness.asking import Asker, RestAsker, RpcAsker
from tests.harness.seed import Seed, at
from tests.regdex.search.conftest import ENGINES

SETTINGS = Settings(
    rest=Rest(listen="127.0.0.1:0"),
    grpc=Grpc(listen="127.0.0.1:0"),
    search=Search(facet_labels=("team", "note")),
)
CONTROLS = "\x1b[31mred\x1b[0m\r\nSet-Cookie: a=b"

# Project → last segments. What only callers who see everything may know of is about zanzibar.
VISIBLE = {"payments": ("gateway", "ledger", "payment-gateway"), "library": ("nginx", "redis"), "": ("grafana",)}
HIDDEN = {"vault": ("zanzibar", "zanzibar-gateway", "payment-gateway")}


@dataclass(frozen=True, slots=True)
class Stage:
    """What is searched, and callers who see all of it or all but `HIDDEN`."""

    context: Context
    seed: Seed
    limited: Caller

    everything = Caller(scope=Scope.READ)


async def fill(seed: Seed) -> None:
    """Each repository has a tag with an image of labels; the texts of some are what no shell should see."""
    await seed.registry("prod")
    labels = {"team": 'O\'Brien \\ "co"', "note": CONTROLS, "owner": "50%_off", "long": "a" * 10_000}
    await seed.image("odd", labels=labels, artifact_type="application/x'; DROP TABLE repository;--")
    await seed.image("plain", labels={"team": "core"})
    await seed.image("hidden", labels={"team": "zanzibar"}, platform="zos/zanzibar")
    for project, names in {**VISIBLE, **HIDDEN}.items():
        for name in names:
            is_hidden = project in HIDDEN
            repository = await seed.repository(
                "prod",
                f"{project}/{name}" if project else name,
                description="The zanzibar project" if is_hidden else f"<script>alert(1)</script> {CONTROLS} of {name}",
                platforms=["zos/zanzibar" if is_hidden else "linux/amd64"],
                pushed_at=None,
                manifest_count=1,
            )
            await seed.tag(repository, "1.4" if not is_hidden else "zanzibar-1", "hidden" if is_hidden else "plain")
            if name == "ledger":
                await seed.tag(repository, "2.0", "odd", at(5))


async def _index(db: Pool, name: str, directory: Path) -> SearchIndex | None:
    if name == "postgres":
        return None
    engine = await ENGINES[name](directory)
    async with db.acquire() as conn:
        await rebuild(conn, engine.writer)
    await engine.writer.close()
    return engine.index


@pytest_asyncio.fixture(scope="module", params=[*ENGINES, "postgres"])
async def stage(
    request: pytest.FixtureRequest, postgres_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Each engine, and the names in PostgreSQL that take its place; tests only read."""
    async with fresh_database(postgres_url, template) as url, await database.connect(url, size=5) as db:
        seed = Seed(db)
        await fill(seed)
        index = await _index(db, request.param, tmp_path_factory.mktemp("searched"))
        visible = [await seed.project_id("prod", project) for project in VISIBLE]
        limited = Caller(scope=Scope.READ, project_ids=frozenset(visible))
        yield Stage(Context(db, index, facet_labels=frozenset(SETTINGS.search.facet_labels)), seed, limited)
        if index is not None:
            await index.close()


@pytest_asyncio.fixture(scope="module")
async def askers(stage: Stage) -> AsyncIterator[tuple[Asker, Asker]]:
    """REST and gRPC, of one service without keys."""
    async with serving(SETTINGS, stage.context.db, stage.context.search) as addresses:
        yield RestAsker(addresses.rest), RpcAsker(addresses.grpc)
