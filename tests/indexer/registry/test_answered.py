"""The time of an answer: the registry's where it can be believed, but never later than the answer came."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from indexer.registry.answered import Answered, OtherClock, answered_now
from tests.harness.hostile import Hostile, client, document, hostile, plain

NOW = datetime(2026, 11, 24, 10, 0, 0, 300_000, tzinfo=UTC)
SECOND = NOW.replace(microsecond=999_999)


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        yield server


def came(date: datetime | None, age_seconds: int = 0) -> Answered:
    """An answer that came at NOW."""
    return Answered(date, time.monotonic(), NOW, age_seconds)


@pytest.mark.parametrize(
    ("date", "at", "skew"),
    [
        (None, NOW, None),
        (SECOND, NOW, 0),
        (SECOND + timedelta(seconds=10), NOW, 9.7),
        (SECOND + timedelta(days=300), NOW, 300 * 86400 - 0.3),
        (SECOND - timedelta(seconds=1), SECOND - timedelta(seconds=1), -0.300_001),
        (SECOND - timedelta(hours=3), SECOND - timedelta(hours=3), -3 * 3600 + 0.699_999),
    ],
)
def test_time_is_the_earlier_of_the_registrys_and_ours(date: datetime | None, at: datetime, skew: float | None) -> None:
    answered = came(date)
    assert answered.at == at
    assert answered.skew_seconds == (skew if skew is None else pytest.approx(skew))


@pytest.mark.parametrize("date", [None, SECOND, SECOND - timedelta(seconds=7)])
@pytest.mark.parametrize(("took", "excess"), [(0.1, 0), (5, 0), (30, 25)])
def test_slow_answer_counts_a_few_seconds_after_its_request(date: datetime | None, took: float, excess: float) -> None:
    answered = Answered(date, 100.0, NOW, took_seconds=took)
    expected = (NOW if date is None else min(date, NOW)) - timedelta(seconds=excess)

    assert answered.at == expected
    assert answered.at_by(OtherClock(NOW + timedelta(seconds=9), 109.0)) == expected
    assert answered.skew_seconds == Answered(date, 100.0, NOW).skew_seconds


def test_time_by_another_clock_counts_back_to_the_moment_of_the_answer() -> None:
    answered = Answered(None, time.monotonic() - 60, NOW)
    other = datetime(2030, 1, 1, tzinfo=UTC)
    assert abs(answered.at_by(OtherClock(other, time.monotonic())) - (other - timedelta(seconds=60))) < timedelta(
        seconds=1
    )
    dated = Answered(other - timedelta(seconds=30), time.monotonic() - 60, NOW)
    assert dated.at_by(OtherClock(other, time.monotonic())) < other - timedelta(seconds=59)
    skew = dated.skew_by(OtherClock(other, time.monotonic()))
    assert skew is not None
    assert skew == pytest.approx(29, abs=0.5)


def test_answer_of_a_cache_is_no_slow_clock() -> None:
    answered = came(SECOND - timedelta(seconds=600), age_seconds=600)
    assert answered.skew_seconds == 0
    assert answered.at == SECOND - timedelta(seconds=600)


@pytest.mark.parametrize(
    "date",
    [
        "",
        "soon",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Tue, 24 Nov 2026 10:00:60 GMT",
        "Tue, 24 Nov 2026 24:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2300",
    ],
)
def test_date_that_cannot_be_true_is_none(date: str) -> None:
    assert answered_now({"Date": date}, sent=time.monotonic()).date is None


@given(st.text(max_size=60) | st.datetimes().map(format_datetime), st.text(max_size=12))
def test_no_header_brings_a_time_after_ours(date: str, age: str) -> None:
    answered = answered_now({"Date": date, "Age": age}, sent=time.monotonic())
    now = datetime.now(UTC)
    assert answered.at <= now
    assert answered.at_by(OtherClock(now, time.monotonic())) <= now
    assert answered.age_seconds >= 0


async def test_client_tells_the_skew_of_the_registry(registry: Hostile) -> None:
    ahead = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    registry.answers["/v2/"] = [document({}, Date=ahead), document({})]
    async with client(registry.url) as reader:
        assert reader.skew_seconds is None
        await reader.ping()
        assert reader.skew_seconds == pytest.approx(7200, abs=5)
        await reader.ping()
        assert reader.skew_seconds == pytest.approx(0, abs=2)


async def test_client_tells_until_when_it_has_to_wait(registry: Hostile) -> None:
    registry.answers["/v2/"] = [plain(status=429, Retry_After="21600"), document({})]
    async with client(registry.url) as reader:
        assert reader.rate_limited_until is None
        with pytest.raises(Exception, match="rate_limited"):
            await reader.ping()
        until = reader.rate_limited_until
        assert until is not None
        assert abs(until - datetime.now(UTC) - timedelta(hours=6)) < timedelta(seconds=10)
        assert reader.wait_seconds() <= 900


async def test_client_that_is_answered_again_waits_for_nothing(registry: Hostile) -> None:
    registry.answers["/v2/"] = [plain(status=429, Retry_After="1"), document({})]
    async with client(registry.url) as reader:
        with pytest.raises(Exception, match="rate_limited"):
            await reader.ping()
        assert reader.rate_limited_until is not None
        await reader.patient(5).ping()
        assert reader.rate_limited_until is None


@pytest.mark.parametrize("value", ["9" * 9, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_no_registry_asks_for_more_than_a_week(registry: Hostile, value: str) -> None:
    registry.answers["/v2/"] = plain(status=429, Retry_After=value)
    async with client(registry.url) as reader:
        with pytest.raises(Exception, match="rate_limited"):
            await reader.ping()
        assert reader.rate_limited_until is not None
        assert reader.rate_limited_until <= datetime.now(UTC) + timedelta(days=7)


def test_word_of_another_clock_that_arrives_late_places_nothing_earlier() -> None:
    """An event loop may be busy for a while between the clock's word and its use."""
    came = datetime(2026, 11, 30, 12, tzinfo=UTC)
    answered = Answered(None, 100.0, came)
    clock = OtherClock(came + timedelta(seconds=3), monotonic=102.5)  # asked at 102.5, answered half a second later

    assert answered.at_by(clock) >= came
