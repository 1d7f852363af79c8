"""Deriving the history of a tag: each rule by example, and the laws that hold for every log."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from regdex.events import Source, position_of
from regdex.history import CONTRADICTION, Entry, Gone, Observation, derive, find_doubts, is_outcome_settled, is_settled

START = datetime(2026, 11, 24, tzinfo=UTC)
A, B, C = 1, 2, 3
ADA, BOB = 10, 11


def contradictions(
    observations: list[Observation], gone: list[Gone] | None = None, *, resolution: timedelta = timedelta(0)
) -> list[datetime]:
    return sorted(find_doubts(observations, gone or [], resolution=resolution).open)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def push(seconds: float, digest_id: int | None, actor_id: int | None = ADA, key: int = 0) -> Observation:
    return Observation(
        at(seconds), digest_id, True, Source.EVENT, actor_id, uuid.UUID(int=key or int(seconds * 1000) + 1)
    )


def untag(seconds: float) -> Observation:
    return push(seconds, None)


def scan(seconds: float, digest_id: int | None, confirmed: float | None = None) -> Observation:
    return Observation(
        at(seconds),
        digest_id,
        False,
        Source.SCAN,
        None,
        uuid.UUID(int=int(seconds * 1000) + 2**64),
        None if confirmed is None else at(confirmed),
    )


def gone(seconds: float, digest_id: int | None) -> Gone:
    return Gone(at(seconds), digest_id, True, Source.EVENT, BOB, uuid.UUID(int=int(seconds * 1000) + 2**65))


def brief(entries: list[Entry]) -> list[tuple[int | None, float]]:
    return [(entry.digest_id, (entry.at - START).total_seconds()) for entry in entries]


def test_nothing_is_known_of_an_empty_log() -> None:
    assert derive([]) == []


def test_moves_in_any_order_are_entries_by_time() -> None:
    assert brief(derive([push(20, B), push(10, A), push(30, A)])) == [(A, 10), (B, 20), (A, 30)]


def test_pushing_the_same_again_is_no_change() -> None:
    (entry,) = derive([push(10, A), push(20, A, BOB)])

    assert entry == Entry(A, at(10), True, None, ADA, Source.EVENT, at(20))


def test_deleted_tag_is_an_entry_without_a_digest() -> None:
    assert brief(derive([push(10, A), untag(20), push(30, A)])) == [(A, 10), (None, 20), (A, 30)]


def test_late_push_of_something_older_is_history_only() -> None:
    assert brief(derive([push(30, B), push(10, A)]))[-1] == (B, 30)


def test_manifest_that_is_gone_takes_the_tag_that_points_to_it() -> None:
    entries = derive([push(10, A)], [gone(20, A)])

    assert brief(entries) == [(A, 10), (None, 20)]
    assert entries[-1].actor_id == BOB


def test_manifest_that_is_gone_leaves_a_tag_that_points_elsewhere() -> None:
    assert brief(derive([push(10, A), push(20, B)], [gone(30, A)])) == [(A, 10), (B, 20)]


def test_push_that_arrives_after_a_later_delete_finds_its_place() -> None:
    assert brief(derive([push(10, A), push(15, B)], [gone(20, A)])) == [(A, 10), (B, 15)]
    assert brief(derive([push(10, A)], [gone(20, A)])) == [(A, 10), (None, 20)]


def test_repository_that_is_gone_takes_every_tag() -> None:
    assert brief(derive([push(10, A), push(30, B)], [gone(20, None)])) == [(A, 10), (None, 20), (B, 30)]


def test_deletes_before_the_first_push_say_nothing() -> None:
    assert brief(derive([push(10, A)], [gone(5, None), gone(6, A)])) == [(A, 10)]


def test_delete_and_push_at_one_instant_of_which_nothing_is_told_leave_the_push() -> None:
    assert brief(derive([push(10, A), push(20, A)], [gone(20, A)])) == [(A, 10), (None, 20), (A, 20)]
    assert brief(derive([push(10, A), untag(20), push(20, B)])) == [(A, 10), (None, 20), (B, 20)]


def test_change_found_by_a_scan_lies_between_two_times() -> None:
    entries = derive([push(10, A), scan(100, A), scan(200, B)])

    assert brief(entries) == [(A, 10), (B, 200)]
    assert (entries[1].exact, entries[1].not_before, entries[1].source) == (False, at(100), Source.SCAN)


def test_first_scan_of_a_tag_knows_no_lower_bound() -> None:
    (entry,) = derive([scan(100, A)])

    assert (entry.exact, entry.not_before) == (False, None)


def test_confirmed_scan_counts_at_both_its_times() -> None:
    entries = derive([scan(100, A, confirmed=300), push(200, B)])

    assert brief(entries) == [(A, 100), (B, 200), (A, 300)]
    assert entries[2].not_before == at(200)


def test_scan_that_disagrees_with_an_event_close_by_is_passed_over() -> None:
    for seconds in (-5, -1, 0, 1, 5):
        assert brief(derive([push(100, A), scan(100 + seconds, B)])) == [(A, 100)]
        assert brief(derive([push(10, A), untag(100), scan(100 + seconds, A)])) == [(A, 10), (None, 100)]
        assert brief(derive([push(10, A), scan(100 + seconds, A)], [gone(100, A)])) == [(A, 10), (None, 100)]
        assert brief(derive([push(10, A), scan(100 + seconds, A)], [gone(100, None)])) == [(A, 10), (None, 100)]
    assert brief(derive([push(100, A), scan(105.001, B)])) == [(A, 100), (B, 105.001)]
    assert brief(derive([scan(94.999, B), push(100, A)])) == [(B, 94.999), (A, 100)]


def test_scan_of_another_digest_does_not_disagree_with_a_manifest_that_is_gone() -> None:
    assert brief(derive([push(10, A), scan(101, B)], [gone(100, A)])) == [(A, 10), (None, 100), (B, 101)]


def test_only_the_contradicted_end_of_a_confirmed_scan_is_passed_over() -> None:
    entries = derive([scan(50, A, confirmed=102), push(100, B)])

    assert brief(entries) == [(A, 50), (B, 100)]


def test_exact_observation_within_a_second_of_a_scan_knows_better() -> None:
    (entry,) = derive([scan(100, A), push(100.9, A, BOB)])
    assert (entry.at, entry.exact, entry.actor_id, entry.source) == (at(100.9), True, BOB, Source.EVENT)
    (entry,) = derive([scan(100, A), push(101.1, A, BOB)])
    assert (entry.at, entry.exact, entry.actor_id, entry.last_at) == (at(100), False, None, at(101.1))


def test_scan_that_has_crossed_an_event_is_no_contradiction() -> None:
    log = [push(100, A), scan(110, A), push(200, B)]
    for seconds in (-0.4, 0.4, 0.9):  # it was A shortly before, and B shortly after
        for found in (A, B):
            assert contradictions([*log, scan(200 + seconds, found)]) == []
        assert contradictions([*log, scan(200 + seconds, C)]) == [at(200 + seconds)]
    assert contradictions([*log, scan(199, A)]) == contradictions([*log, scan(202, B)]) == []
    assert find_doubts([*log, scan(200.9, A)]) == ([], [at(200.9)])
    assert contradictions([push(100, A), scan(199, A)], [gone(200, A)]) == []


def test_scan_of_what_was_so_some_seconds_ago_is_a_contradiction() -> None:
    """It may have moved back since: of the second move nothing is told."""
    assert contradictions([push(100, A), push(200, B), push(200.2, A), scan(202, B)]) == [at(202)]
    assert contradictions([push(100, A), push(200, B), scan(202, A)]) == [at(202)]
    assert contradictions([push(100, A), push(200, B), scan(200.8, A), scan(204, A)]) == [at(204)]


def test_anything_may_have_been_so_before_the_first_event_that_is_known() -> None:
    assert contradictions([scan(99, B), push(100, A)]) == []
    assert contradictions([scan(101, B), push(100, A)]) == [at(101)]
    assert contradictions([scan(103, None), push(100, A)]) == [at(103)]


def test_contradiction_stands_until_something_later_is_known() -> None:
    log = [push(100, A), scan(103, B)]

    assert contradictions(log) == [at(103)]
    assert contradictions([*log, scan(109, A)]) == []
    assert contradictions([*log, push(200, C)]) == []
    assert contradictions([push(100, A), scan(103, A), scan(200, B)]) == []


def told(
    seconds: float, digest_id: int | None, *, delivery: int, ordinal: int = 0, nanos: int = 0, key: int = 0
) -> Observation:
    """A push that is told in a delivery."""
    position = position_of(delivery, ordinal)
    return push(seconds, digest_id, key=key or position)._replace(told_nanos=nanos or None, position=position)


def test_within_a_delivery_the_order_of_the_sender_decides() -> None:
    for first, second in itertools.permutations([1, 2]):  # whatever their keys are
        log = [told(10, A, delivery=1, ordinal=0, key=first), told(10, B, delivery=1, ordinal=1, key=second)]

        assert brief(derive(log)) == [(A, 10), (B, 10)]
        assert derive(log)[-1].exact
        assert contradictions(log) == []


def test_nanoseconds_order_what_microseconds_cannot() -> None:
    log = [told(10, A, delivery=2, nanos=1, key=1), told(10, B, delivery=1, nanos=2, key=2)]

    assert brief(derive(log)) == [(A, 10), (B, 10)]
    assert contradictions(log) == []


def test_facts_of_different_deliveries_at_one_time_are_in_dispute_until_the_registry_names_one() -> None:
    log = [told(10, A, delivery=1), told(10, B, delivery=2)]

    assert [entry.exact for entry in derive(log)] == [False, False]
    assert contradictions(log) == [at(10)]
    for named in (A, B):
        answered = [*log, scan(16, named)]
        assert derive(answered)[-1].digest_id == named
        assert [(entry.at, entry.exact) for entry in derive(answered)] == [(at(10), True), (at(10), True)]
        assert contradictions(answered) == []


def test_answer_that_names_none_of_them_is_an_entry_and_leaves_them_in_doubt() -> None:
    entries = derive([told(10, A, delivery=1), told(10, B, delivery=2), scan(16, C)])

    assert [entry.exact for entry in entries] == [False, False, False]
    assert brief(entries)[-1] == (C, 16)


def test_delete_and_push_at_one_time_are_in_dispute_unless_one_delivery_tells_both() -> None:
    lost = gone(20, A)._replace(position=position_of(5, 0))
    before = told(10, A, delivery=1)
    again = told(20, A, delivery=5, ordinal=1)

    assert brief(derive([before, again], [lost])) == [(A, 10), (None, 20), (A, 20)]
    assert contradictions([before, again], [lost]) == []
    assert contradictions([before, told(20, A, delivery=6)], [lost]) == [at(20)]
    assert contradictions([before, told(20, B, delivery=6)], [lost]) == []


def test_facts_within_the_resolution_of_a_clock_are_in_dispute() -> None:
    log = [told(10, A, delivery=1), told(11, B, delivery=2)]

    assert contradictions(log) == []
    assert contradictions(log, resolution=timedelta(seconds=1)) == [at(11)]
    answered = derive([*log, scan(17, A)], resolution=timedelta(seconds=1))
    assert brief(answered) == [(B, 11), (A, 11)]


def test_loss_of_a_manifest_that_no_fact_close_by_names_is_in_no_dispute() -> None:
    facts = [push(0, None, key=1), push(1.8, 2, key=2)]

    derived = derive(facts, [gone(0.9, 1)], resolution=timedelta(seconds=1))

    assert [(entry.digest_id, entry.exact) for entry in derived] == [(None, True), (2, True)]
    assert derived == derive(facts, resolution=timedelta(seconds=1))


def test_what_comes_after_a_dispute_settles_it() -> None:
    assert contradictions([told(10, A, delivery=1), told(10, B, delivery=2), told(30, C, delivery=3)]) == []


def test_very_many_facts_of_one_time_take_little_time() -> None:
    log = [told(10, number % 7, delivery=number, key=number + 1) for number in range(20_000)]

    assert contradictions(log) == [at(10)]


digests = st.sampled_from([None, A, B, C])
seconds = st.integers(0, 40).map(lambda half: half / 2)
keys = st.integers(1, 2**60).map(lambda number: uuid.UUID(int=number))
nanos = st.sampled_from([None, None, 1])
positions = st.none() | st.builds(position_of, st.integers(1, 3), st.integers(0, 2))
resolutions = st.sampled_from([timedelta(0), timedelta(0), timedelta(seconds=1)])


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    exact, is_scan = draw(st.sampled_from([(True, False), (True, False), (False, True), (False, True), (False, False)]))
    first = draw(seconds)
    confirmed = draw(st.none() | seconds) if is_scan else None
    ahead = draw(st.sampled_from([0, 0, 0, 1, 1.5])) if not is_scan else 0
    return Observation(
        at(first),
        draw(digests),
        exact,
        Source.SCAN if is_scan else Source.EVENT,
        draw(st.sampled_from([None, ADA, BOB])),
        draw(keys),
        at(confirmed) if confirmed is not None and confirmed > first else None,
        at(first + ahead) if ahead else None,
        None if is_scan else draw(nanos),
        None if is_scan else draw(positions),
    )


logs = st.lists(observations(), max_size=8, unique_by=lambda fact: fact.event_key)
losses = st.lists(
    st.builds(
        Gone,
        seconds.map(at),
        digests,
        st.booleans(),
        st.just(Source.EVENT),
        st.sampled_from([None, BOB]),
        keys,
        told_at=st.none(),
        told_nanos=nanos,
        position=positions,
    ),
    max_size=3,
    unique_by=lambda fact: fact.event_key,
)


@given(log=logs, lost=losses, resolution=resolutions, data=st.data())
def test_order_and_repetition_change_nothing(
    log: list[Observation], lost: list[Gone], resolution: timedelta, data: st.DataObject
) -> None:
    expected = derive(log, lost, resolution=resolution)

    again = data.draw(st.permutations(log + data.draw(st.lists(st.sampled_from(log), max_size=4)) if log else log))
    lost_again = data.draw(st.permutations(lost + lost[:1]))

    assert derive(again, lost_again, resolution=resolution) == expected
    disputed = contradictions(again, lost_again, resolution=resolution)
    assert set(disputed) == set(contradictions(log, lost, resolution=resolution))


@given(log=logs, lost=losses, resolution=resolutions)
def test_entries_are_in_order_and_differ(log: list[Observation], lost: list[Gone], resolution: timedelta) -> None:
    entries = derive(log, lost, resolution=resolution)

    for before, after in itertools.pairwise(entries):
        assert before.digest_id != after.digest_id
        assert before.at <= before.last_at <= after.at
        assert after.exact or after.not_before == before.last_at
    for entry in entries:
        assert not (entry.exact and entry.not_before)


@given(log=logs, lost=losses)
def test_exact_observations_are_never_lost(log: list[Observation], lost: list[Gone]) -> None:
    entries = derive(log, lost)

    for fact in log:
        if fact.exact:
            assert any(entry.digest_id == fact.digest_id and entry.at <= fact.at <= entry.last_at for entry in entries)


@given(log=logs, lost=losses)
def test_what_scans_say_near_events_changes_no_exact_entry(log: list[Observation], lost: list[Gone]) -> None:
    events = [fact for fact in log if fact.exact]
    near = [
        fact._replace(confirmed_at=None)
        for fact in log
        if fact.source == Source.SCAN
        and any(abs(fact.at - other.at) <= CONTRADICTION and fact.digest_id != other.digest_id for other in events)
    ]

    assert derive(events + near, lost) == derive(events, lost)


@settings(max_examples=3000)
@given(
    log=st.lists(observations(), min_size=1, max_size=30, unique_by=lambda fact: fact.event_key),
    lost=losses,
    resolution=resolutions,
)
def test_when_the_newest_rows_settle_it_older_ones_change_nothing(
    log: list[Observation], lost: list[Gone], resolution: timedelta
) -> None:
    log = disjoint(sorted(log, key=lambda fact: (fact.at, fact.event_key), reverse=True))
    entries = derive(log, lost, resolution=resolution)
    assume(entries)
    whole = entries[-1]
    for size in range(1, len(log)):
        newest, older = log[:size], log[size:]
        known = {fact.digest_id for fact in newest}
        some = [gone for gone in lost if gone.digest_id is None or gone.digest_id in known]
        derived = derive(
            newest + [fact for fact in older if fact.source == Source.SCAN][:1], some, resolution=resolution
        )
        if not derived:
            continue
        entry = derived[-1]
        if is_settled(newest, entry, resolution=resolution):
            assert entry == whole
        if is_outcome_settled(newest, resolution=resolution):
            assert entry.digest_id == whole.digest_id


def disjoint(log: list[Observation]) -> list[Observation]:
    """Newest first: no scan is confirmed after the next scan was made, as scans are recorded."""
    kept: list[Observation] = []
    next_scan = None
    for fact in log:
        overlaps = fact.confirmed_at and next_scan and fact.confirmed_at >= next_scan
        if fact.source == Source.SCAN:
            next_scan = fact.at
        kept.append(fact._replace(confirmed_at=None) if overlaps else fact)
    return kept
