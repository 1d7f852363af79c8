"""What repositories say of themselves, read from the tags that they have now; and older ones after an upgrade."""

from typing import Any

import pytest

from regdex.database import Pool
from regdex.store.content.summaries import describe_older, refresh_repositories
from tests.harness.seed import Seed, at

OCI = "org.opencontainers.image."


@pytest.fixture
async def seed(db: Pool) -> Seed:
    seed = Seed(db)
    await seed.registry("prod")
    return seed


async def refresh(db: Pool, *ids: int) -> list[int]:
    async with db.acquire() as conn, conn.transaction():
        return await refresh_repositories(conn, ids)


async def said(db: Pool, id: int) -> dict[str, Any]:
    row = await db.fetchrow(
        "SELECT title, description, source_url, url, licenses, vendor, platforms FROM repository WHERE id = $1", id
    )
    assert row is not None
    return dict(row)


async def test_the_newest_image_that_says_anything_speaks_for_all_fields(db: Pool, seed: Seed) -> None:
    app = await seed.repository("prod", "payments/gateway")
    await seed.image("old", annotations={f"{OCI}title": "Old", f"{OCI}vendor": "Old & Sons"})
    await seed.image("new", labels={f"{OCI}title": "New", f"{OCI}description": "支付网关"})
    await seed.image("mute")
    await seed.tag(app, "1", "old", at(1))
    await seed.tag(app, "2", "new", at(2))
    await seed.tag(app, "3", "mute", at(3))

    assert await refresh(db, app) == [app]

    found = await said(db, app)
    assert (found["title"], found["description"], found["vendor"]) == ("New", "支付网关", "")
    assert await refresh(db, app) == []


async def test_an_index_speaks_itself_or_by_its_first_image(db: Pool, seed: Seed) -> None:
    app = await seed.repository("prod", "payments/gateway")
    await seed.image("amd64", annotations={f"{OCI}title": "Image"}, labels={f"{OCI}vendor": "Example"})
    await seed.image("arm64", annotations={f"{OCI}title": "Other image"})
    await seed.index(
        "index",
        {"unread": "linux/s390x", "amd64": "linux/amd64", "arm64": "linux/arm64"},
        annotations={f"{OCI}title": "Index"},
    )
    await seed.tag(app, "1", "index")

    await refresh(db, app)

    found = await said(db, app)
    assert (found["title"], found["vendor"]) == ("Index", "Example")
    assert found["platforms"] == ["linux/amd64", "linux/arm64", "linux/s390x"]


async def test_signatures_do_not_speak_and_other_artifacts_only_where_no_image_does(db: Pool, seed: Seed) -> None:
    app, chart = await seed.repository("prod", "a/app"), await seed.repository("prod", "a/chart")
    artifact = {"artifact_type": "application/vnd.cncf.helm.config.v1+json"}
    await seed.image("image", annotations={f"{OCI}title": "Image"})
    await seed.image("signature", annotations={f"{OCI}title": "Signature"})
    await seed.image("sbom", annotations={f"{OCI}title": "SBOM"}, subject="image")
    await seed.image("chart", annotations={f"{OCI}title": "Chart"}, **artifact)
    await seed.tag(app, "1", "image", at(1))
    await seed.tag(app, "sha256-" + "a" * 64 + ".sig", "signature", at(2))
    await seed.tag(app, "sbom", "sbom", at(3))
    await seed.tag(app, "chart", "chart", at(4))
    await seed.tag(chart, "0.1.0", "chart", at(1))

    await refresh(db, app, chart)

    assert [(await said(db, id))["title"] for id in (app, chart)] == ["Image", "Chart"]


async def test_words_go_with_the_tags(db: Pool, seed: Seed) -> None:
    app = await seed.repository("prod", "a/app")
    await seed.image("image", annotations={f"{OCI}title": "Image", f"{OCI}url": "https://example.com"})
    await seed.tag(app, "1", "image")
    await refresh(db, app)
    await db.execute("DELETE FROM tag")

    assert await refresh(db, app) == [app]

    found = await said(db, app)
    assert found.pop("platforms") == []
    assert set(found.values()) == {""}


async def test_older_repositories_are_described_in_steps_and_published(db: Pool, seed: Seed) -> None:
    await seed.image("image", annotations={f"{OCI}title": "Image"})
    ids = [await seed.repository("prod", f"a/app{number}") for number in range(5)]
    for id in ids[:4]:
        await seed.tag(id, "1", "image")
    newer = await seed.repository("prod", "a/newer")
    await seed.tag(newer, "1", "image")
    await db.execute("UPDATE instance SET undescribed_through = $1", ids[-1])

    steps = [await describe_older(db, limit=2) for _ in range(4)]

    assert steps == [2, 2, 1, 0]
    assert [(await said(db, id))["title"] for id in ids] == ["Image"] * 4 + [""]
    assert (await said(db, newer))["title"] == ""
    assert {row["repository_id"] for row in await db.fetch("SELECT repository_id FROM outbox")} == set(ids[:4])
    assert await db.fetchval("SELECT undescribed_through FROM instance") == 0
