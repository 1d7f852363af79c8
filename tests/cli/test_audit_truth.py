"""`regdex audit-truth`: its output and its exit code."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from tests.cli.test_commands import Ended, _main
from tests.indexer.backfill.stage import Stage, add_registry, backfill, some_of, staged

CART = "orders/cart"


@dataclass
class Place:
    """A settings file, with a database and a registry."""

    config: Path
    stage: Stage

    async def run(self, line: str) -> Ended:
        output, errors = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["regdex", "audit-truth", "--config", str(self.config), *line.split()])
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                code = await asyncio.to_thread(_main)
        return Ended(code, output.getvalue(), errors.getvalue())


@pytest_asyncio.fixture
async def place(tmp_path: Path, db: Pool, database_url: str) -> AsyncIterator[Place]:
    async with staged(some_of(make_catalog(1), CART)) as stage:
        config = tmp_path / "regdex.toml"
        config.write_text(f'[database]\nurl = "{database_url}"\n[[registries]]\nname = "prod"\nurl = "{stage.url}"\n')
        yield Place(config, stage)


async def test_registry_that_the_settings_do_not_name_is_an_error_of_the_settings(place: Place) -> None:
    ended = await place.run("demo")

    assert (ended.code, ended.output) == (78, "")
    assert "registries: the settings do not name 'demo'" in ended.errors


async def test_registry_that_was_never_read_cannot_be_audited(db: Pool, place: Place) -> None:
    await add_registry(db, place.stage.settings())

    ended = await place.run("prod")

    assert (ended.code, ended.output) == (3, "")
    assert "nothing to audit: prod: paused, or not read in full yet" in ended.errors


async def test_difference_is_shown_and_mended(db: Pool, place: Place) -> None:
    await backfill(db, place.stage.settings())
    assert (await place.run("prod --all")).code == 0
    held = place.stage.content.repositories[CART].tags
    before, held["latest"] = held["latest"], held["2.1.3"]

    ended = await place.run("--all --output json")

    assert ended.code == 1
    (difference,) = orjson.loads(ended.output)["prod"]["differences"]
    assert (difference["reference"], difference["believed"], difference["found"], difference["declared"]) == (
        "latest",
        before,
        held["latest"],
        False,
    )
    assert orjson.loads((await place.run("--all --output json")).output)["prod"]["differed"] == 0
