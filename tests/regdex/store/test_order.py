"""What orders tags and tells auxiliary ones is the same in SQL and in Python."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regdex.database import Pool
from regdex.events import Source
from regdex.order import sort_time, version_key
from regdex.reference import spelled_digest

PIECES = [
    "v", "V", "0", "1", "9", "10", "007", "39", "20240101", "9" * 31, "1" + "0" * 33, ".", "-", "_", "--", "rc", "RC",
    "alpha", "beta", "b", "a", "m", "dev", "pre", "prefix", "snapshot", "alpine", "latest", "release", "f" * 7,
    "sha256-", "sha512-", "a" * 64, "0" * 63, "c0ffee" * 12, ".sig", "Z",
]  # fmt: skip
tags = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join) | st.from_regex(
    r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z"
)
times = st.none() | st.datetimes(datetime(1969, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
PROPERTY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@PROPERTY
@given(names=st.lists(tags, min_size=1, max_size=40))
async def test_versions_and_spelled_digests_are_the_same_in_sql(db: Pool, names: list[str]) -> None:
    rows = await db.fetch(
        "SELECT version_key(tag) AS key, spelled_digest(tag) AS digest "
        "FROM unnest($1::text[]) WITH ORDINALITY AS asked (tag, place) ORDER BY place",
        names,
    )
    in_order = await db.fetch(
        'SELECT tag FROM unnest($1::text[]) AS asked (tag) ORDER BY version_key(tag COLLATE "C") DESC, tag COLLATE "C"',
        names,
    )

    assert [row["key"] for row in rows] == [version_key(name) for name in names]
    assert [row["digest"] for row in rows] == [spelled_digest(name) for name in names]
    by_name = sorted(names)
    assert [row["tag"] for row in in_order] == sorted(by_name, key=version_key, reverse=True)


@PROPERTY
@given(
    exact=st.booleans(),
    pushed_at=times.filter(bool),
    not_before=times,
    created_at=times,
    source=st.sampled_from(Source),
)
async def test_the_time_to_sort_by_is_the_same_in_sql(
    db: Pool,
    exact: bool,
    pushed_at: datetime,
    not_before: datetime | None,
    created_at: datetime | None,
    source: Source,
) -> None:
    found = await db.fetchval("SELECT sort_time($1, $2, $3, $4, $5)", exact, pushed_at, not_before, created_at, source)

    assert found == sort_time(exact, pushed_at, not_before, created_at, source)


@pytest.mark.parametrize(
    "newest_first",
    [
        ["39.0.0", "9.0.0", "1.10", "1.9"],
        ["latest", "2.0.0", "2.0.0-rc.10", "2.0.0-rc2", "2.0.0rc1", "2.0.0-beta.1", "2.0.0-alpha", "v1.99.0"],
        ["1.0.1", "1.0-1", "1.0", "1.0-alpine", "1.0-rc1", "1.0-rc1-alpine"],
        ["5.0.0", "5.0.0.M2", "5.0.0.M1", "4.9-SNAPSHOT"],
        ["20261130", "20240101", "v2", "1"],
        ["1.0", "9f8e7d6c5b", "release-1.10", "api-1.9", "release-1.9", "beta", "main"],
        ["1." + "0" * 20 + "2", "1.1", "1.0"],
        ["3.12.0", "3.12.0rc1", "3.12.0b4", "3.12.0a7"],
    ],
)
def test_versions_are_ordered_as_people_read_them(newest_first: list[str]) -> None:
    assert sorted(sorted(newest_first), key=version_key, reverse=True) == newest_first


CREATED = datetime(2024, 5, 1, tzinfo=UTC)
SEEN = datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
DAY = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("exact", "not_before", "created_at", "expected"),
    [
        (True, None, CREATED, SEEN),
        (False, None, CREATED, CREATED),
        (False, None, None, DAY),
        (False, None, SEEN, SEEN),
        (False, None, SEEN + timedelta(seconds=1), DAY),
        (False, None, datetime(1989, 12, 31, tzinfo=UTC), DAY),
        (False, SEEN - timedelta(hours=6), None, SEEN),
        (False, None, datetime(1990, 1, 1, tzinfo=UTC), datetime(1990, 1, 1, tzinfo=UTC)),
        (False, SEEN - timedelta(hours=6), CREATED, SEEN - timedelta(hours=6)),
        (False, CREATED, CREATED + timedelta(hours=1), CREATED + timedelta(hours=1)),
    ],
)
def test_a_tag_is_sorted_by_its_push_or_else_by_when_its_image_was_created(
    exact: bool, not_before: datetime | None, created_at: datetime | None, expected: datetime
) -> None:
    assert sort_time(exact, SEEN, not_before, created_at, Source.SCAN) == expected


def test_a_push_whose_time_is_not_exact_is_not_sorted_by_its_day() -> None:
    assert sort_time(False, SEEN, None, None, Source.EVENT) == SEEN


@pytest.mark.parametrize(
    ("artifact_type", "config_media_type", "subject", "expected"),
    [
        ("", "application/vnd.oci.image.config.v1+json", None, False),
        ("", "application/vnd.oci.image.config.v1+json", 1, True),
        ("application/vnd.dev.cosign.artifact.sig.v1+json", "application/vnd.oci.empty.v1+json", None, True),
        ("application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.oci.empty.v1+json", None, True),
        ("", "application/vnd.cncf.notary.signature", None, True),
        ("application/spdx+json", "application/vnd.oci.empty.v1+json", None, True),
        ("application/vnd.cyclonedx+json", "", None, True),
        ("application/vnd.in-toto+json", "", None, True),
        ("application/vnd.example.Signature.v1", "", None, True),
        ("", "application/vnd.goharbor.harbor.sbom.v1", None, True),
        ("", "application/vnd.cncf.helm.config.v1+json", None, False),
        ("application/vnd.wasm.config.v0+json", "application/vnd.oci.empty.v1+json", None, False),
        ("application/vnd.example.thing", "application/vnd.cncf.notary.signature", None, False),
        ("", "", None, False),
    ],
)
async def test_what_is_attached_to_an_image_is_told_by_subject_and_type(
    db: Pool, artifact_type: str, config_media_type: str, subject: int | None, expected: bool
) -> None:
    assert await db.fetchval("SELECT is_attached($1, $2, $3)", artifact_type, config_media_type, subject) is expected
