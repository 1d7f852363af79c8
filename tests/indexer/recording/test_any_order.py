"""Any order and repetition of a random story of deliveries ends in the same rows, and in what a registry holds."""

from itertools import count, pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regdex.database import Pool
from tests.harness.catalogs import Catalog
from tests.harness.stories import Happening, Registry, at, digest, tell

_names = (f"r{number}" for number in count())

happenings = st.builds(
    Happening,
    seconds=st.integers(0, 30).map(lambda half: half / 2),
    kind=st.sampled_from(["push"] * 5 + ["tag", "manifest", "manifest", "repository", "pull", "head"]),
    repository=st.sampled_from(["team/app", "team/app", "solo"]),
    tag=st.sampled_from(["1", "1", "latest", ""]),
    number=st.integers(1, 3),
    actor=st.sampled_from(["", "ada"]),
)


def is_told(happening: Happening) -> bool:
    return happening.kind != "tag" or happening.tag != ""


def push_of(happening: Happening) -> Any:
    """At one instant a tag is pushed once."""
    key = happening.seconds, happening.repository, happening.tag
    return key if happening.kind == "push" else (happening, happening.kind)


stories = st.lists(happenings.filter(is_told), min_size=1, max_size=25, unique_by=push_of)


@st.composite
def deliveries(draw: st.DrawFn, story: list[Happening]) -> list[list[list[Happening]]]:
    """Batches of deliveries: all of the story, some of it again, in any order and any grouping."""
    told = draw(st.permutations(story + draw(st.lists(st.sampled_from(story), max_size=6))))
    cuts = sorted(draw(st.sets(st.integers(1, len(told)), max_size=6)) | {0, len(told)})
    batches = [told[start:end] for start, end in pairwise(cuts)]
    return [[batch[: len(batch) // 2], batch[len(batch) // 2 :]] for batch in batches]


@settings(
    max_examples=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories, data=st.data())
async def test_any_order_and_repetition_ends_as_the_registry_is(
    db: Pool, story: list[Happening], data: st.DataObject
) -> None:
    name = next(_names)
    shuffled = await Catalog.of(db, f"{name}-shuffled")
    for batch in data.draw(deliveries(story)):
        await shuffled.record(event for delivery in batch for event in tell(delivery))
    plain = await Catalog.of(db, f"{name}-plain")
    for happening in sorted(story, key=lambda it: it.seconds):
        await plain.record(tell([happening]))

    found = await shuffled.everything()

    assert found == await plain.everything()
    registry = Registry.after(story)
    assert {key: row[0] for key, row in found["tags"].items()} == {
        key: digest(number) for key, number in registry.tags.items()
    }
    assert {key: row[1] for key, row in found["tags"].items()} == {key: registry.since[key] for key in registry.tags}
    assert {key for key, row in found["manifests"].items() if row[0]} == {
        (repository, digest(number)) for repository, number in registry.manifests
    }
    assert {key: [entry[:2] for entry in entries] for key, entries in found["changes"].items()} == {
        key: [(number and digest(number), when) for number, when in entries]
        for key, entries in registry.history.items()
    }
    for repository, (tag_count, manifest_count, pushed_at, _) in found["repositories"].items():
        assert tag_count == sum(key[0] == repository for key in registry.tags)
        assert manifest_count == sum(key[0] == repository for key in registry.manifests)
        assert pushed_at == registry.pushed_at.get(repository)
    assert sum(row[-1] for row in found["downloads"]) == len(
        {happening for happening in story if happening.kind in ("pull", "head")}
    )
    assert await shuffled.rows("SELECT events_through FROM registry WHERE id = $1") == [
        (at(max(happening.seconds for happening in story)),)
    ]
