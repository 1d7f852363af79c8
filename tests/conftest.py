"""Fixtures shared by all tests: a real PostgreSQL, and a fresh, migrated database for each test.

`REGDEX_TEST_DATABASE_URL` names a server to use (a role that may create databases); without it the embedded one is
started. Each test's database is a copy of a template: that takes milliseconds.
"""

import itertools
import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from regdex import database

_numbers = itertools.count()


def _with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


@pytest_asyncio.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """URL of a server where databases may be created."""
    url = os.environ.get("REGDEX_TEST_DATABASE_URL")
    if not url:
        pytest.fail("the embedded PostgreSQL is not wired into the tests yet")
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
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest_asyncio.fixture
async def database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    """URL of a fresh, migrated database."""
    name = f"regdex_test_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield _with_database(postgres_url, name)
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[database.Pool]:
    """A pool on a fresh, migrated database."""
    pool = await database.connect(database_url, size=5)
    yield pool
    await pool.close()
