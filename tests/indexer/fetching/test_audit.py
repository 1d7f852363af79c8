"""The audit asks a registry again: it finds what the catalog has wrong, says so, mends it, and finds nothing else."""

from collections.abc import AsyncIterator

import pytest_asyncio

from cli.demo.catalog import make_catalog
from indexer.fetching.audit import Audit, audit_registry
from indexer.registry.client import RegistryClient
from regdex.database import Pool
from regdex.store.catalog import gaps
from tests.indexer.backfill.stage import FAST, Stage, backfill, staged

API = "payments/payment-gateway"


@pytest_asyncio.fixture
async def stage(db: Pool) -> AsyncIterator[Stage]:
    """A registry that was read in full."""
    async with staged(make_catalog(7)) as stage:
        await backfill(db, stage.settings())
        yield stage


async def audit(db: Pool, stage: Stage, *, sample: int | None = None) -> Audit:
    registry_id = await db.fetchval("SELECT id FROM registry")
    async with RegistryClient(stage.settings(), FAST) as client:
        return await audit_registry(db, client, registry_id, sample=sample, patience_seconds=0)


async def test_nothing_is_found_where_nothing_is_wrong(db: Pool, stage: Stage) -> None:
    found = await audit(db, stage)

    tags, manifests = (
        await db.fetchval("SELECT count(*) FROM tag"),
        await db.fetchval("SELECT count(*) FROM repository_manifest WHERE present"),
    )
    assert (found.asked, found.differences, dict(found.unanswered)) == (tags + manifests, [], {})
    row = await db.fetchrow("SELECT verified_sampled, verified_differed, verified_at <= now() FROM registry")
    assert row is not None
    assert tuple(row) == (tags + manifests, 0, True)


async def test_what_was_missed_is_found_mended_and_a_gap(db: Pool, stage: Stage) -> None:
    name, repository = next((name, one) for name, one in stage.content.repositories.items() if len(one.tags) > 3)
    first, second, third, *_ = sorted(repository.tags)
    repository.tags[first], believed = repository.tags[second], repository.tags[first]
    stage.content.delete_tag(name, third)

    found = await audit(db, stage)

    different = {one.reference: (str(one.believed), one.found and str(one.found)) for one in found.undeclared}
    if believed != repository.tags[second]:
        assert different[first] == (believed, repository.tags[second])
    assert different[third][1] is None
    open_gaps = await db.fetch(
        "SELECT DISTINCT reason, repository_id FROM gap WHERE until IS NULL AND subject <> 'pulls'"
    )
    assert [row["reason"] for row in open_gaps] == ["audit_difference"]
    assert (
        await db.fetchval("SELECT reference FROM question WHERE repository_id = $1", open_gaps[0]["repository_id"])
        == ""
    )
    assert [one.is_declared for one in (await audit(db, stage)).differences] == []


async def test_difference_within_a_gap_was_declared(db: Pool, stage: Stage) -> None:
    registry_id = await db.fetchval("SELECT id FROM registry")
    await gaps.open_gap(db, [registry_id], gaps.READABLE, reason="blocked_sweep")
    name, repository = next((name, one) for name, one in stage.content.repositories.items() if one.tags)
    tag = min(repository.tags)
    stage.content.delete_tag(name, tag)

    found = await audit(db, stage)

    assert [one.reference for one in found.differences] == [tag]
    assert found.undeclared == []


async def test_sample_asks_for_as_much_as_it_says(db: Pool, stage: Stage) -> None:
    before = stage.requests.copy()

    found = await audit(db, stage, sample=20)

    assert 16 <= found.asked <= 20
    assert (stage.requests - before).total() <= 25


async def test_registry_that_does_not_answer_is_no_difference(db: Pool, stage: Stage) -> None:
    async def refuse(_: object) -> object:
        from aiohttp import web

        return web.Response(status=403)

    stage.fault = refuse  # type: ignore[assignment]

    found = await audit(db, stage, sample=10)

    assert (found.asked, found.differences) == (0, [])
    assert found.unanswered["forbidden"] > 0
