"""Fixtures shared by all tests: a real PostgreSQL, and a fresh, migrated database for each test.

`REGDEX_TEST_DATABASE_URL` names a server to use (a role that may create databases); without it the embedded one is
started. `--postgres=15` runs what needs a database, and nothing else, on the programs in /usr/lib/postgresql/15. Each
test's database is a copy of a template: that takes milliseconds.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from cli import embedded
from cli.embedded.binaries import Binaries
from regdex import database

# How long an example takes says how busy the machine is, and nothing about what is tested.
settings.register_profile("regdex", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("regdex")

_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", metavar="MAJOR", help="run the database tests on this version of PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--postgres"):
        wanted = [item for item in items if "postgres_url" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
        items[:] = wanted


def _with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


@pytest_asyncio.fixture(scope="session")
async def postgres_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """URL of a server where databases may be created."""
    major = request.config.getoption("--postgres")
    url = os.environ.get("REGDEX_TEST_DATABASE_URL")
    if url and not major:
        yield url
        return
    binaries = None
    if major:
        binaries = Binaries(Path("/usr/lib/postgresql", major), major)
        if not binaries.program("postgres").exists():
            pytest.fail(f"{binaries.prefix} is missing: install postgresql-{major}")
    options = embedded.Options(durable=False, binaries=binaries)
    async with embedded.running(tmp_path_factory.mktemp("postgres"), options=options) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def template(postgres_url: str) -> AsyncIterator[str]:
    """Name of a migrated database that tests are copied from."""
    name = f"regdex_template_{os.getpid()}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    pool = await database.connect(_with_database(postgres_url, name), size=2)
    await database.upgrade(pool)
    await pool.close()
    yield name
    await drop_database(admin, name)
    await admin.close()


async def drop_database(admin: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
    """Drop a database; a worker of autovacuum may be in it for a moment, and is not ours to end."""
    async with asyncio.timeout(30):
        while True:
            try:
                await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            except asyncpg.InsufficientPrivilegeError:
                await asyncio.sleep(0.1)
            else:
                return


@asynccontextmanager
async def fresh_database(postgres_url: str, template: str) -> AsyncIterator[str]:
    """URL of a migrated database that lasts as long as the context."""
    name = f"regdex_test_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield _with_database(postgres_url, name)
    finally:
        await drop_database(admin, name)
        await admin.close()


@pytest_asyncio.fixture
async def database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    """URL of a fresh, migrated database."""
    async with fresh_database(postgres_url, template) as url:
        yield url


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[database.Pool]:
    """A pool on a fresh, migrated database."""
    pool = await database.connect(database_url, size=5)
    yield pool
    await pool.close()
