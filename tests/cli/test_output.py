"""Output of commands: no control characters in tables, JSON as the REST API has it (B28)."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from cli.terminal import output
from regdex.v1.catalog_pb2 import LookupDigestResponse, Manifest, Tag
from regdex.v1.content_pb2 import Platform


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]0;title\x07", "]0;title"),
        ("a\r\nb\tc", "abc"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("\x9b2J", "2J"),
        ("支付网关", "支付网关"),
    ],
)
def test_control_characters_never_reach_the_terminal(text: str, shown: str) -> None:
    assert output.plain(text) == shown


@given(st.text())
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert output.plain(output.plain(text)) == output.plain(text)


def test_markup_in_a_tag_is_printed_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("TAG",), [["[bold red]x[/]"]])

    assert "[bold red]x[/]" in capsys.readouterr().out


def test_a_message_becomes_what_rest_answers() -> None:
    pushed_at = Timestamp()
    pushed_at.FromDatetime(datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=UTC))
    tag = Tag(registry="prod", tag="1.4", total_size_bytes=2**53 + 1, pushed_at=pushed_at)

    shown = output.as_dict(tag)

    assert shown["total_size_bytes"] == 2**53 + 1
    assert shown["pushed_at"] == datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=UTC)
    assert shown["not_before"] is None
    assert shown["platforms"] == []


def test_nested_messages_maps_and_enums_are_plain_too() -> None:
    manifest = Manifest(state="MANIFEST_STATE_COMPLETE", labels={"a": "b"}, platform=Platform(os="linux"))

    shown = output.as_dict(manifest)

    assert shown["state"] == "complete"
    assert shown["labels"] == {"a": "b"}
    assert shown["platform"]["os"] == "linux"
    assert shown["config"] is None
    assert (
        output.as_dict(LookupDigestResponse(matches=[{"kind": "DIGEST_KIND_DIFF_ID"}]))["matches"][0]["kind"]
        == "diff_id"
    )


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("TAG",), [])

    assert capsys.readouterr().out.strip() == "nothing found"


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (12_345_678, "12.3 MB"), (10**16, "10000.0 TB")]
)
def test_sizes_are_shown_for_people(count: int, shown: str) -> None:
    assert output.size(count) == shown


def test_a_push_that_nobody_told_of_is_shown_as_before_the_day_of_its_sighting() -> None:
    seen, pushed = Timestamp(), Timestamp()
    seen.FromDatetime(datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    pushed.FromDatetime(datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC))

    assert output.pushed(Timestamp(), seen) == "before 2026-11-30"
    assert output.pushed(pushed, seen) == pushed
    assert output.pushed(Timestamp(), Timestamp()) == Timestamp()
