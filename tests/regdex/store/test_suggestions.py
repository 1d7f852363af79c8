"""Projects and tags that begin as somebody types."""

import pytest

from regdex.database import Pool
from regdex.store.search.suggestions import list_projects, list_tags
from tests.harness.seed import Seed, at


@pytest.fixture
async def seed(db: Pool) -> Seed:
    seed = Seed(db)
    for registry in ("prod", "edge"):
        await seed.registry(registry)
    await seed.repository("prod", "payments/gateway", downloads_30d=5)
    await seed.repository("prod", "payroll/api", downloads_30d=50)
    await seed.repository("prod", "pay/api")
    await seed.repository("prod", "paused/gone", tag_count=0, downloads_30d=99)
    await seed.repository("prod", "platform/api", downloads_30d=1000)
    await seed.repository("prod", "grafana", downloads_30d=1000)
    await seed.repository("edge", "payments/api")
    return seed


async def found(seed: Seed, projects: list[int] | None = None, **fields: object) -> list[tuple[str, str]]:
    rows = await list_projects(seed.db, projects, **{"prefix": "pa", "limit": 10, **fields})  # type: ignore[arg-type]
    return [(row["registry"], row["project"]) for row in rows]


async def test_projects_that_begin_so_are_those_most_downloaded_then_by_name(seed: Seed) -> None:
    assert await found(seed) == [("prod", "payroll"), ("prod", "payments"), ("prod", "pay"), ("edge", "payments")]
    assert await found(seed, limit=2) == [("prod", "payroll"), ("prod", "payments")]
    assert await found(seed, registry="edge") == [("edge", "payments")]
    assert await found(seed, prefix="payx") == []


async def test_repositories_without_a_project_suggest_none(seed: Seed) -> None:
    assert ("prod", "") not in await found(seed, prefix="")


@pytest.mark.parametrize("prefix", ["%", "_", "\\", "pa%", "~", "é", "🚀", "PA"])
async def test_signs_of_a_pattern_are_only_signs(seed: Seed, prefix: str) -> None:
    assert await found(seed, prefix=prefix) == []


async def test_projects_that_are_not_visible_are_not_suggested(seed: Seed) -> None:
    visible = await seed.project_id("edge", "payments")

    assert await found(seed, [visible]) == [("edge", "payments")]
    assert await found(seed, []) == []


async def test_tags_are_those_of_visible_repositories_newest_first(seed: Seed) -> None:
    db = seed.db
    ids = {
        row["name"]: row["id"] for row in await db.fetch("SELECT name, id FROM repository WHERE name <> 'payments/api'")
    }
    one, two = ids["pay/api"], ids["platform/api"]
    for number, tag in enumerate(("1.25", "1.26", "1.3", "2.0", "sha256-" + "1" * 64)):
        await seed.tag(one, tag, "image", at(number))
    await seed.tag(two, "1.2-alpine", "image", at(9))

    async def tags(projects: list[int] | None = None, prefix: str = "1.2", limit: int = 5) -> list[tuple[int, str]]:
        rows = await list_tags(db, projects, [two, one, 4711], prefix=prefix, limit=limit)
        return [(row["repository_id"], row["tag"]) for row in rows]

    assert await tags() == [(two, "1.2-alpine"), (one, "1.26"), (one, "1.25")]
    assert await tags(limit=1) == [(two, "1.2-alpine"), (one, "1.26")]
    assert await tags(prefix="") == [(two, "1.2-alpine"), (one, "2.0"), (one, "1.3"), (one, "1.26"), (one, "1.25")]
    assert await tags(prefix="1_2") == []
    assert await tags([await seed.project_id("prod", "pay")]) == [(one, "1.26"), (one, "1.25")]
    assert await tags([]) == []
