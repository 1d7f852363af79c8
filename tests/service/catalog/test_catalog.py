"""Registries, projects and repositories, over both transports."""

import pytest

from tests.harness.asking import Asker, Refused
from tests.harness.seed import T0, Seed, at


@pytest.fixture
async def catalog(seed: Seed) -> Seed:
    await seed.registry("prod", reconciled_at=at(5))
    await seed.registry("stage", hosts=["stage.example.com:5000"], reconciled_at=at(5), gap_at=at(6))
    await seed.repository("prod", "payments/api", tag_count=3, manifest_count=4, size_bytes=100, downloads_30d=7)
    await seed.repository("prod", "payments/gateway", tag_count=2, manifest_count=2, size_bytes=50)
    await seed.repository("prod", "alpine", tag_count=1, manifest_count=1)
    await seed.repository("prod", "payments/deleted", tag_count=0)
    await seed.repository("stage", "payments/api", tag_count=5, manifest_count=5)
    return seed


async def test_registries_are_listed_by_name_with_counts_and_watermark(catalog: Seed, asker: Asker) -> None:
    answer = await asker.ask("ListRegistries")

    prod, stage = answer["registries"]
    assert (prod["name"], prod["repository_count"], prod["tag_count"], prod["manifest_count"]) == ("prod", 3, 6, 7)
    assert prod["events_through"] == "2026-11-20T13:40:00Z"
    assert prod["complete"] is True
    assert stage["hosts"] == ["stage.example.com:5000"]
    assert stage["complete"] is False
    assert answer["next_page_token"] == ""


async def test_a_registry_that_was_never_read_is_not_complete(seed: Seed, asker: Asker) -> None:
    await seed.registry("new", events_through=None)

    registry = await asker.ask("GetRegistry", registry="new")

    assert registry["events_through"] is None
    assert registry["reconciled_at"] is None
    assert registry["complete"] is False


async def test_projects_have_totals_and_none_is_its_own(catalog: Seed, asker: Asker) -> None:
    projects = (await asker.ask("ListProjects"))["projects"]

    assert [(p["registry"], p["project"], p["repository_count"], p["tag_count"]) for p in projects] == [
        ("prod", "", 1, 1),
        ("prod", "payments", 2, 5),
        ("stage", "payments", 1, 5),
    ]
    assert projects[1]["size_bytes"] == 150
    assert projects[1]["downloads_30d"] == 7


async def test_repositories_are_listed_in_order_without_those_that_hold_nothing(catalog: Seed, asker: Asker) -> None:
    found = (await asker.ask("ListRepositories"))["repositories"]

    assert [(r["registry"], r["repository"]) for r in found] == [
        ("prod", "alpine"),
        ("prod", "payments/api"),
        ("prod", "payments/gateway"),
        ("stage", "payments/api"),
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"registry": "stage"}, ["payments/api"]),
        ({"project": ""}, ["alpine"]),
        ({"registry": "prod", "project": "payments"}, ["payments/api", "payments/gateway"]),
        ({"match": "*/api"}, ["payments/api", "payments/api"]),
        ({"match": "payments/g*"}, ["payments/gateway"]),
        ({"match": "alpin?"}, ["alpine"]),
        ({"match": "%"}, []),
        ({"match": "payments_api"}, []),
        ({"registry": "absent"}, []),
    ],
)
async def test_repositories_are_filtered(
    catalog: Seed, asker: Asker, fields: dict[str, str], expected: list[str]
) -> None:
    answer = await asker.ask("ListRepositories", **fields)

    assert [item["repository"] for item in answer["repositories"]] == expected


@pytest.mark.parametrize("method", ["ListRepositories", "ListProjects", "ListRegistries"])
async def test_pages_add_up_to_the_list(catalog: Seed, asker: Asker, method: str) -> None:
    def items(answer: dict[str, object]) -> list[object]:
        (found,) = (value for value in answer.values() if isinstance(value, list))
        return found

    whole = items(await asker.ask(method))
    pieces: list[object] = []
    token = ""
    for _ in range(len(whole)):
        answer = await asker.ask(method, page_size=1, page_token=token)
        pieces += items(answer)
        token = answer["next_page_token"]

    assert pieces == whole
    assert token == ""


async def test_a_repository_that_holds_nothing_any_more_still_answers(catalog: Seed, asker: Asker) -> None:
    found = await asker.ask("GetRepository", registry="prod", repository="payments/deleted")

    assert found["tag_count"] == 0
    assert found["project"] == "payments"
    assert found["first_seen_at"] == T0.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GetRegistry", {"registry": "absent"}),
        ("GetRepository", {"registry": "prod", "repository": "payments/absent"}),
        ("GetRepository", {"registry": "absent", "repository": "payments/api"}),
        ("ListTags", {"registry": "prod", "repository": "absent"}),
        ("GetBackfill", {"id": 4711}),
        ("StartBackfill", {"registry": "absent"}),
    ],
)
async def test_what_is_not_there_is_not_found(
    catalog: Seed, asker: Asker, method: str, fields: dict[str, object]
) -> None:
    with pytest.raises(Refused) as refused:
        await asker.ask(method, **fields)

    assert refused.value.code == "NOT_FOUND"
    assert refused.value.request_id
