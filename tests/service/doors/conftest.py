"""A running service and what its doors answer. Tests of a module that only read share one database: `stage`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from regdex import database
from regdex.settings import Search
from service.process import serving
from tests.conftest import fresh_database
from tests.harness.seed import Seed
from tests.service.conftest import LOCAL


@dataclass(frozen=True)
class Stage:
    """A service without keys on loopback, its database, and a session that asks it."""

    db: database.Pool
    seed: Seed
    address: str
    session: aiohttp.ClientSession

    @property
    def port(self) -> str:
        return self.address.rpartition(":")[2]

    async def ask(self, path: str, **options: Any) -> Any:
        """The JSON at a path, which is there."""
        async with self.session.get(path, **options) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "application/json"
            return await response.json()


# "The projects that the platform team vouches for" of every stage.
OFFICIAL = ("library", "edge/blessed")


@asynccontextmanager
async def open_stage(db: database.Pool) -> AsyncIterator[Stage]:
    settings = LOCAL.model_copy(update={"search": Search(official_projects=OFFICIAL)})
    async with (
        serving(settings, db, None) as addresses,
        aiohttp.ClientSession(f"http://{addresses.rest}") as session,
    ):
        yield Stage(db, Seed(db), addresses.rest, session)


@asynccontextmanager
async def fresh_pool(postgres_url: str, template: str) -> AsyncIterator[database.Pool]:
    """A pool on a fresh, migrated database."""
    async with fresh_database(postgres_url, template) as url:
        db = await database.connect(url, size=5)
        try:
            yield db
        finally:
            await db.close()


@pytest_asyncio.fixture(scope="module")
async def shared_stage(postgres_url: str, template: str) -> AsyncIterator[Stage]:
    """One for all tests of a module, which only read."""
    async with fresh_pool(postgres_url, template) as db, open_stage(db) as stage:
        yield stage


@pytest_asyncio.fixture
async def stage(db: database.Pool) -> AsyncIterator[Stage]:
    """One for the test alone."""
    async with open_stage(db) as stage:
        yield stage


@pytest.fixture
def seed(db: database.Pool) -> Seed:
    """Writes rows into the test's own database."""
    return Seed(db)
