"""`regdex db verify-content`: its output and its exit code."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from regdex.database import Pool
from tests.cli.test_commands import Ended, _main
from tests.harness.hostile import Hostile, hostile
from tests.indexer.fetching.test_verification import stock, store


@dataclass
class Place:
    """A settings file, with a database and a registry."""

    config: Path
    registry: Hostile

    async def run(self, line: str) -> Ended:
        output, errors = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["regdex", "db", "verify-content", "--config", str(self.config), *line.split()])
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                code = await asyncio.to_thread(_main)
        return Ended(code, output.getvalue(), errors.getvalue())


@pytest_asyncio.fixture
async def place(tmp_path: Path, db: Pool, database_url: str) -> AsyncIterator[Place]:
    async with hostile() as registry:
        await store(db, registry, *stock())
        config = tmp_path / "regdex.toml"
        config.write_text(
            f'[database]\nurl = "{database_url}"\n[[registries]]\nname = "prod"\nurl = "{registry.url}"\n'
        )
        yield Place(config, registry)


async def test_nothing_differs(place: Place) -> None:
    assert await place.run("--sample 3") == Ended(0, "3 asked, 0 differed\n", "")
    assert await place.run("--all") == Ended(0, "6 asked, 0 differed\n", "")


async def test_what_differed_is_named_once_and_ends_with_1(db: Pool, place: Place) -> None:
    await db.execute("UPDATE manifest SET labels = '{\"a\": \"b\"}', annotations = '{}' WHERE annotations <> '{}'")

    ended = await place.run("--all")

    lines = ended.output.splitlines()
    assert (ended.code, lines[-1]) == (1, "6 asked, 2 differed and were read again")
    assert f"{stock()[0].digest} differed in labels, annotations" in lines
    assert await place.run("--all") == Ended(0, "6 asked, 0 differed\n", "")


async def test_what_no_registry_gives_is_counted_by_problem(place: Place) -> None:
    place.registry.answers.clear()

    ended = await place.run("--all -o json")

    assert ended.code == 0
    assert orjson.loads(ended.output) == {"asked": 0, "unread": {"not_found": 6}, "differences": []}


async def test_settings_without_a_registry_are_refused(place: Place) -> None:
    place.config.write_text(place.config.read_text() + "paused = true\n")

    ended = await place.run("")

    assert (ended.code, "registries" in ended.errors) == (78, True)
