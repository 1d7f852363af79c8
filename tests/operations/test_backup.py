"""Runs the dump and restore commands of docs/operations.md: the restored Regdex gives the same answers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from cli.embedded.binaries import Binaries, find_binaries
from regdex import database
from regdex.database import Pool
from tests.conftest import drop_database
from tests.harness.deliveries import digest, envelope, item, push
from tests.operations.installation import Installation, until

REPOSITORIES = ("payments/gateway", "payments/ledger", "web/storefront")


@pytest_asyncio.fixture
async def programs(db: Pool) -> Binaries:
    """Return programs of the version of the server: `pg_dump` refuses a newer server."""
    major = int(await db.fetchval("SHOW server_version_num")) // 10_000
    embedded = find_binaries()
    found = embedded if embedded.major == major else Binaries(Path("/usr/lib/postgresql", str(major)), str(major))
    if not found.program("pg_dump").exists():
        pytest.skip(f"no pg_dump of PostgreSQL {major} here")
    return found


@pytest_asyncio.fixture
async def restored_url(database_url: str) -> AsyncIterator[str]:
    """Yield the URL of the database to restore into, which does not exist yet."""
    parts = urlsplit(database_url)
    name = f"{parts.path[1:]}_restored"
    yield urlunsplit(parts._replace(path=f"/{name}"))
    admin = await asyncpg.connect(database_url)
    await drop_database(admin, name)
    await admin.close()


async def run(*command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def dump_and_restore(programs: Binaries, source: str, target: str, file: Path) -> None:
    """Run the commands of docs/operations.md."""
    await run(programs.program("pg_dump"), "--format=custom", f"--file={file}", source)
    parts = urlsplit(target)
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    await run(programs.program("createdb"), f"--maintenance-db={maintenance}", parts.path[1:])
    await run(programs.program("pg_restore"), f"--dbname={target}", file)


async def tell_story(place: Installation, db: Pool) -> None:
    """Deliver pushes, moves, pulls, a delete and something undecodable; wait until all is published."""
    for repository in REPOSITORIES:
        await place.deliver(*(push(number, repository=repository) for number in range(5)))
        await place.deliver(*(envelope(item(number, repository=repository, action="pull")) for number in range(3)))
    await place.deliver(b"not an envelope")
    await until(lambda: is_quiet(db))


async def is_quiet(db: Pool) -> bool:
    """Return whether inbox and outbox are empty."""
    return not await db.fetchval("SELECT EXISTS (SELECT FROM inbox) OR EXISTS (SELECT FROM outbox)")


async def answers(place: Installation, key: str) -> dict[str, Any]:
    """Return answers to compare before the dump and after the restore. `key` is an API key from before the dump."""
    repository = "/repositories/prod/payments/gateway"
    paths: dict[str, dict[str, str]] = {
        "/registries": {},
        "/projects": {},
        "/repositories": {},
        f"{repository}/-/tags": {},
        f"{repository}/-/tags/v3/history": {},
        f"/digests/{digest('payments/gateway 3')}": {},
        "/resolve": {"reference": "registry.example.com/web/storefront:v1"},
        "/downloads": {"registry": "prod", "repository": "payments/gateway", "interval": "day", "group_by": "tag"},
        "/downloads/top": {"window": "7d"},
        "/search": {"q": "paymnet-gatway"},
        "/dead-letters": {},
    }
    found = {path: await place.ask(path, key=key, **parameters) for path, parameters in paths.items()}
    while found["/search"]["degraded"]:  # on a busy machine the index may have taken too long
        found["/search"] = await place.ask("/search", key=key, **paths["/search"])
    found["/search"].pop("index_lag_seconds")
    return found


async def test_a_restored_database_gets_its_index_and_answers_the_same(
    tmp_path: Path, db: Pool, database_url: str, restored_url: str, programs: Binaries
) -> None:
    before = Installation(tmp_path / "before", database_url)
    async with before.running("index"):
        await tell_story(before, db)
    code, key, errors = await before.run("keys", "create", "portal", "--scope", "admin")
    assert code == 0, errors
    async with before.running("serve"):
        expected = await answers(before, key.strip())
    assert expected["/search"]["hits"][0]["repository"] == "payments/gateway"

    await dump_and_restore(programs, database_url, restored_url, tmp_path / "regdex.dump")

    after = Installation(tmp_path / "after", restored_url)
    code, output, errors = await after.run("db", "status")
    assert (code, errors) == (0, "")
    assert "missing" not in output
    async with after.running("index"):
        restored = await database.connect(restored_url, size=1)
        await until(lambda: after.is_built(restored))
        await restored.close()
    async with after.running("serve"):
        assert await answers(after, key.strip()) == expected


async def test_an_index_that_is_newer_than_the_dump_is_put_right_by_a_rebuild(
    tmp_path: Path, db: Pool, database_url: str, restored_url: str, programs: Binaries
) -> None:
    """The data directory outlives the database and still has what was pushed after the dump."""
    place = Installation(tmp_path / "regdex", database_url)
    async with place.running("index"):
        await tell_story(place, db)
        await dump_and_restore(programs, database_url, restored_url, tmp_path / "regdex.dump")
        await place.deliver(push(9, repository="web/after-the-dump"))
        await until(lambda: is_quiet(db))
    place.config.write_text(place.config.read_text().replace(database_url, restored_url))

    code, output, errors = await place.run("search-index", "rebuild")

    assert (code, output, errors) == (0, f"{len(REPOSITORIES)} documents\n", "")
    async with place.running("serve"):
        await until(lambda: finds_storefront(place))
        assert "web/after-the-dump" not in await place.names("storefront after dump")


async def finds_storefront(place: Installation) -> bool:
    return "web/storefront" in await place.names("storefront")
