"""Parsers of command-line arguments: places, times, registries."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.terminal.arguments import Place, moment, place, registry_option
from regdex.errors import InvalidArgument

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("prod/api", Place("prod", "api")),
        ("prod/payments/gateway:1.4", Place("prod", "payments/gateway", "1.4")),
        ("prod/a/b/c@sha256:ab", Place("prod", "a/b/c", "", "sha256:ab")),
    ],
)
def test_places_are_read(text: str, read: Place) -> None:
    assert place(text) == read


@pytest.mark.parametrize("text", ["prod", "", "/api", "prod/"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        place(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-17T09:00:00Z", datetime(2026, 11, 17, 9, tzinfo=UTC)),
        ("2026-11-17", datetime(2026, 11, 17, tzinfo=UTC)),
        ("2026-11-17T09:00:00+02:00", datetime(2026, 11, 17, 7, tzinfo=UTC)),
        ("7d", NOW - timedelta(days=7)),
        ("90m", NOW - timedelta(minutes=90)),
    ],
)
def test_times_are_read(text: str, read: datetime) -> None:
    assert moment(text, now=NOW) == read


@pytest.mark.parametrize("text", ["", "yesterday", "7y", "999999w", "1e9"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        moment(text)


def test_a_registry_is_named_after_its_host() -> None:
    url = "http://registry.example.com:5000"

    assert registry_option(url) == {"name": "registry-example-com-5000", "url": url}
    assert registry_option(f"prod={url}") == {"name": "prod", "url": url}


def test_a_registry_without_a_scheme_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="is not a URL"):
        registry_option("registry.example.com:5000")
