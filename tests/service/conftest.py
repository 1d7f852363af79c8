"""A running service on a fresh database, and clients for both of its transports."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from indexer.publisher import rebuild
from regdex.database import Pool
from regdex.search.tantivy import TantivyIndex, TantivyWriter
from regdex.settings import Grpc, Rest, Search, Settings
from service.process import Addresses, serving
from tests.harness.asking import Asker, RestAsker, RpcAsker
from tests.harness.seed import Seed, at

LOCAL = Settings(rest=Rest(listen="127.0.0.1:0"), grpc=Grpc(listen="127.0.0.1:0"))


@pytest.fixture
def seed(db: Pool) -> Seed:
    """Writes rows into the test's database."""
    return Seed(db)


@pytest_asyncio.fixture
async def service(db: Pool) -> AsyncIterator[Addresses]:
    """The service without keys, on loopback."""
    async with serving(LOCAL, db, None) as addresses:
        yield addresses


@pytest.fixture(params=["rest", "grpc"])
def asker(request: pytest.FixtureRequest, service: Addresses) -> Asker:
    """Each test that takes it runs over both transports."""
    return RestAsker(service.rest) if request.param == "rest" else RpcAsker(service.grpc)


SEARCHING = LOCAL.model_copy(
    update={"search": Search(facet_labels=("team",), official_projects=("library", "edge/mirror"))}
)


@dataclass
class Shelf:
    """A catalog and the index of it."""

    db: Pool
    index: TantivyIndex
    writer: TantivyWriter
    ids: dict[str, int]


@pytest_asyncio.fixture
async def shelf(db: Pool, tmp_path: Path) -> AsyncIterator[Shelf]:
    seed = Seed(db)
    await seed.registry("prod")
    await seed.registry("edge")
    ids: dict[str, int] = {}
    repositories: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("prod", "payments/payment-gateway", {"downloads_30d": 900, "size_bytes": 300_000_000}),
        ("prod", "payments/ledger", {"downloads_30d": 20, "size_bytes": 10_000_000}),
        ("prod", "shop/checkout", {"downloads_30d": 700, "description": "支付网关服务"}),
        ("prod", "library/nginx", {"downloads_30d": 5000}),
        ("prod", "grafana", {"downloads_30d": 77}),
        ("edge", "mirror/nginx", {"downloads_30d": 3}),
    )
    for number, (registry, name, columns) in enumerate(repositories):
        usual = {"platforms": ["linux/amd64"], "pushed_at": at(number), "manifest_count": 1}
        ids[name] = await seed.repository(registry, name, **(usual | columns))
        await seed.tag(ids[name], "latest", name, at(number))
    for minute, tag in enumerate(("1.24.0", "1.25.3", "1.25.4-alpine")):
        await seed.tag(ids["library/nginx"], tag, f"nginx-{tag}", at(10 + minute))
    writer, index = TantivyWriter(tmp_path / "search"), TantivyIndex(tmp_path / "search")
    async with db.acquire() as conn:
        await rebuild(conn, writer)
    yield Shelf(db, index, writer, ids)
    await index.close()
    await writer.close()


@pytest_asyncio.fixture
async def searching(shelf: Shelf) -> AsyncIterator[Addresses]:
    async with serving(SEARCHING, shelf.db, shelf.index) as addresses:
        yield addresses
