"""Counting rule 1, as a person would count: what real clients ask for, and the edges of the window."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from regdex.counting import Bucket, Counts, Facts, Request, count, derive, pair

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
INDEX, AMD64, ARM64, ATTESTATION, SIGNATURE, PLAIN, OUTER = 1, 2, 3, 4, 5, 6, 7
FACTS = Facts.of(
    artifacts=[ATTESTATION, SIGNATURE],
    platforms={AMD64: "linux/amd64", ARM64: "linux/arm64", PLAIN: "linux/amd64"},
    listings=[
        (INDEX, AMD64, "linux/amd64"),
        (INDEX, ARM64, "linux/arm64/v8"),
        (INDEX, ATTESTATION, ""),
        (OUTER, INDEX, ""),
    ],
)
SIGNATURE_TAG = f"sha256-{'a' * 64}.sig"


def get(seconds: float, digest: int, tag: str | None = None, *, key: int | None = None) -> Request:
    return _request(seconds, digest, tag, key, is_head=False)


def head(seconds: float, digest: int, tag: str | None = None, *, key: int | None = None) -> Request:
    return _request(seconds, digest, tag, key, is_head=True)


def _request(seconds: float, digest: int, tag: str | None, key: int | None, *, is_head: bool) -> Request:
    number = key if key is not None else hash((seconds, digest, tag, is_head)) % 2**128
    at = NINE + timedelta(seconds=seconds)
    return Request(at, at, UUID(int=number), digest, is_head, tag)


def total(requests: Iterable[Request], facts: Facts = FACTS) -> tuple[int, int, int]:
    counts = Counts()
    for part in derive(requests, facts).values():
        counts.add(part)
    return counts.downloads, counts.version_checks, counts.requests


def test_docker_pulls_an_index_by_head_get_and_child() -> None:
    pull = [head(0, INDEX, "1.4"), get(0.1, INDEX), get(0.2, AMD64)]

    assert derive(pull, FACTS) == {Bucket(NINE, INDEX, "1.4", "linux/amd64"): Counts(1, 0, 3)}


def test_containerd_asks_for_the_childs_head_as_well() -> None:
    pull = [head(0, INDEX, "1.4"), get(0.1, INDEX), head(0.2, ARM64), get(0.3, ARM64)]

    assert derive(pull, FACTS) == {Bucket(NINE, INDEX, "1.4", "linux/arm64/v8"): Counts(1, 0, 4)}


def test_podman_and_crane_get_the_index_by_tag() -> None:
    pull = [get(0, INDEX, "1.4"), get(0.2, AMD64)]

    assert derive(pull, FACTS) == {Bucket(NINE, INDEX, "1.4", "linux/amd64"): Counts(1, 0, 2)}


def test_skopeo_copying_all_platforms_downloads_the_index_and_each_further_child() -> None:
    pull = [get(0, INDEX, "1.4"), get(1, AMD64), get(2, ARM64), get(3, ATTESTATION)]

    assert derive(pull, FACTS) == {
        Bucket(NINE, INDEX, "1.4", "linux/amd64"): Counts(1, 0, 2),
        Bucket(NINE, ARM64, "", "linux/arm64"): Counts(1, 0, 1),
        Bucket(NINE, ATTESTATION, "", ""): Counts(0, 0, 1),
    }


def test_an_image_by_tag_is_on_its_own_platform() -> None:
    assert derive([head(0, PLAIN, "2"), get(1, PLAIN)], FACTS) == {
        Bucket(NINE, PLAIN, "2", "linux/amd64"): Counts(1, 0, 2)
    }


def test_a_head_alone_is_a_version_check() -> None:
    assert derive([head(0, INDEX, "1.4")], FACTS) == {Bucket(NINE, INDEX, "1.4", ""): Counts(0, 1, 1)}


def test_a_get_keeps_its_own_tag_and_takes_one_head_only() -> None:
    asked = [head(0, PLAIN, "2"), head(1, PLAIN, "2.0"), get(2, PLAIN, "latest")]

    assert derive(asked, FACTS) == {
        Bucket(NINE, PLAIN, "latest", "linux/amd64"): Counts(1, 0, 2),
        Bucket(NINE, PLAIN, "2.0", "linux/amd64"): Counts(0, 1, 1),
    }


def test_the_oldest_head_is_taken_first() -> None:
    asked = [head(0, PLAIN, "old"), head(1, PLAIN, "new"), get(2, PLAIN)]

    assert Bucket(NINE, PLAIN, "old", "linux/amd64") in derive(asked, FACTS)


def test_a_child_without_its_index_is_a_download_of_itself() -> None:
    assert derive([get(0, AMD64)], FACTS) == {Bucket(NINE, AMD64, "", "linux/amd64"): Counts(1, 0, 1)}


def test_a_hundred_nodes_behind_one_address_are_a_hundred() -> None:
    nodes = [
        request
        for node in range(100)
        for request in (
            head(node / 50, INDEX, "1.4", key=3 * node),
            get(node / 50 + 0.5, INDEX, key=3 * node + 1),
            get(node / 50 + 1, AMD64, key=3 * node + 2),
        )
    ]

    assert derive(nodes, FACTS) == {Bucket(NINE, INDEX, "1.4", "linux/amd64"): Counts(100, 0, 300)}


def test_the_same_request_fourteen_times_counts_once() -> None:
    assert total([head(0, PLAIN, "2"), *[get(1, PLAIN)] * 14]) == (1, 0, 2)


def test_sixty_seconds_are_within_the_window_and_more_are_not() -> None:
    assert total([head(0, PLAIN, "2"), get(60, PLAIN)]) == (1, 0, 2)
    assert total([head(0, PLAIN, "2"), get(60.000001, PLAIN)]) == (1, 1, 2)
    assert total([get(0, INDEX), get(60, AMD64)]) == (1, 0, 2)
    assert total([get(0, INDEX), get(60.000001, AMD64)]) == (2, 0, 2)


def test_a_download_counts_in_the_hour_of_its_last_get() -> None:
    pull = [head(3599, INDEX, "1.4"), get(3599.5, INDEX), get(3600, AMD64)]

    assert derive(pull, FACTS) == {
        Bucket(NINE, INDEX, "1.4", "linux/amd64"): Counts(0, 0, 2),
        Bucket(NINE + HOUR, INDEX, "1.4", "linux/amd64"): Counts(1, 0, 1),
    }


def test_signatures_are_requests_only() -> None:
    assert total([head(0, SIGNATURE), get(1, SIGNATURE)]) == (0, 0, 2)
    assert total([head(0, 99, SIGNATURE_TAG), get(1, 99)]) == (0, 0, 2)
    assert total([get(0, 99, SIGNATURE_TAG)]) == (0, 0, 1)
    assert total([head(0, 99, SIGNATURE_TAG)]) == (0, 0, 1)


def test_an_attestation_takes_nothing_from_its_index() -> None:
    assert derive([get(0, INDEX, "1.4"), get(1, ATTESTATION), get(2, ARM64)], FACTS) == {
        Bucket(NINE, INDEX, "1.4", "linux/arm64/v8"): Counts(1, 0, 2),
        Bucket(NINE, ATTESTATION, "", ""): Counts(0, 0, 1),
    }


def test_an_index_within_an_index_is_one_download_of_the_outer() -> None:
    pull = [head(0, OUTER, "all"), get(50, OUTER), get(100, INDEX), get(150, AMD64)]

    assert derive(pull, FACTS) == {Bucket(NINE, OUTER, "all", "linux/amd64"): Counts(1, 0, 4)}


def test_manifests_not_known_yet_are_downloads_of_themselves() -> None:
    assert total([head(0, INDEX, "1.4"), get(1, INDEX), get(2, AMD64)], Facts()) == (2, 0, 3)


REQUESTS = st.lists(
    st.builds(
        Request,
        at=st.integers(0, 300).map(lambda seconds: NINE + HOUR - timedelta(seconds=150) + timedelta(seconds=seconds)),
        key=st.uuids(version=4),
        digest_id=st.integers(1, 8),
        is_head=st.booleans(),
        tag=st.sampled_from([None, None, "1.4", "latest", SIGNATURE_TAG]),
    ),
    max_size=40,
    unique_by=lambda request: request.key,
)


@given(REQUESTS)
def test_every_request_counts_once_and_every_get_or_head_at_most_once(requests: list[Request]) -> None:
    downloads, checks, seen = total(requests)

    assert seen == len(requests)
    assert downloads <= sum(not request.is_head for request in requests)
    assert checks <= sum(request.is_head for request in requests)


@given(REQUESTS, st.data())
def test_pairing_goes_on_from_any_point_as_if_never_interrupted(requests: list[Request], data: st.DataObject) -> None:
    ordered = sorted(requests)
    start = data.draw(st.integers(0, len(ordered)))
    whole = pair(ordered, FACTS)
    before = {request.key for request in ordered[:start]}
    settled = {taken: taker for taken, taker in whole.items() if taker in before}

    assert pair(ordered, FACTS, start=start, settled=settled) == whole
    assert count(ordered, whole, FACTS) == derive(requests, FACTS)
