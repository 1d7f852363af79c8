"""Any order and repetition of a random story of deliveries ends in the same rows, and in what a registry holds."""

from dataclasses import replace
from datetime import datetime
from itertools import count, pairwise
from typing import Any, NamedTuple

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


def instant_of(happening: Happening) -> Any:
    """At one instant one thing happens in a repository; pulls may come with it."""
    key = happening.seconds, happening.repository
    return (happening, happening.kind) if happening.kind in ("pull", "head") else key


stories = st.lists(happenings.filter(is_told), min_size=1, max_size=25, unique_by=instant_of)


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


class Letter(NamedTuple):
    """A delivery: when it is received, and what it tells. Its number is the order of receipt."""

    id: int
    received_at: datetime
    told: tuple[Happening, ...]


@st.composite
def letters(draw: st.DrawFn) -> list[Letter]:
    """Deliveries from clocks that are right, an hour ahead or an hour behind, some of them sent again later."""
    first = draw(st.lists(st.lists(happenings.filter(is_told), min_size=1, max_size=4), min_size=1, max_size=8))
    again = draw(st.lists(st.sampled_from(first), max_size=4))
    shifts = st.sampled_from([0, 0, 0.5, 1.5, 3600, -3600, 2 * 86400])
    numbers = iter(range(1, 1000))
    shifted = {
        id(told): tuple(replace(one, seconds=one.seconds + shift, id=next(numbers)) for one in told)
        for told in first
        for shift in (draw(shifts),)
    }
    return [
        Letter(number, at(31 + number * 0.25), shifted[id(told)]) for number, told in enumerate([*first, *again], 1)
    ]


@settings(
    max_examples=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sent=letters(), data=st.data())
async def test_rows_follow_from_events_and_their_earliest_receipts(
    db: Pool, sent: list[Letter], data: st.DataObject
) -> None:
    """Ties, wrong clocks, repetitions: the order of recording changes no row, no count and no question."""
    name = next(_names)
    orders = [sent, data.draw(st.permutations(sent + sent[:2]))]
    catalogs = []
    for number, order in enumerate(orders):
        catalog = await Catalog.of(db, f"{name}-{number}")
        for letter in order:
            await catalog.record(tell(letter.told, registry="same", id=letter.id, received_at=letter.received_at))
        catalogs.append(catalog)

    plain, shuffled = catalogs
    assert await shuffled.logs() == await plain.logs()
    found, wanted = await shuffled.everything(), await plain.everything()
    assert found["changes"] == wanted["changes"]
    assert found["downloads"] == wanted["downloads"]
    assert {key: row[:1] for key, row in found["tags"].items()} == {key: row[:1] for key, row in wanted["tags"].items()}
    assert {key: row[:1] for key, row in found["manifests"].items()} == {
        key: row[:1] for key, row in wanted["manifests"].items()
    }
    asked = await plain.questions()
    last = max(letter.received_at for letter in sent)
    ((through,),) = await shuffled.rows("SELECT events_through FROM registry WHERE id = $1")
    assert through <= last
    for key, entries in (await shuffled.history()).items():
        assert entries[-1].last_at <= last
        is_in_doubt = not entries[-1].exact and entries[-1].last_at == entries[-1].at
        assert not is_in_doubt or key in asked
