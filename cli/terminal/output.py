"""The output of commands: tables for people, JSON for programs. Tables contain no control characters."""

import enum
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 10_000
SHORT_DIGEST = len("sha256:") + 12


class Format(enum.StrEnum):
    """The output formats of a command."""

    TABLE = "table"
    JSON = "json"


def plain(text: str) -> str:
    """Remove control and format characters, which could move the cursor of a terminal or reorder a line."""
    return "".join(c if c == " " or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else "" for c in text)


def as_dict(message: Message) -> dict[str, Any]:
    """Convert a message to what the REST API returns: plain integers, times, enums as lower-case words."""
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    entry = field.message_type
    if field.is_repeated:
        if entry is not None and entry.GetOptions().map_entry:
            return dict(value)
        return [_value(item, field) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _value(value, field)


def _value(value: Any, field: Any) -> Any:
    if isinstance(value, Timestamp):
        return time_of(value)
    if isinstance(value, Message):
        return as_dict(value)
    if field.enum_type is not None:
        return word_of(field, value)
    return value


def word_of(field: Any, number: int) -> str:
    """Return an enum value as a lower-case word without the enum's prefix; empty for UNSPECIFIED or unknown numbers."""
    values = field.enum_type.values_by_number
    if number == 0 or number not in values:
        return ""
    prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return str(values[number].name.removeprefix(prefix).lower())


def time_of(value: Timestamp) -> datetime:
    return datetime.fromtimestamp(value.seconds + value.nanos // 1000 / 1_000_000, UTC)


def print_json(value: Any) -> None:
    """Print `value` as one JSON document."""
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


def print_messages(form: Format, messages: Sequence[Message], columns: Mapping[str, Callable[[Any], object]]) -> None:
    """Print a JSON array, or a table. `columns` maps each heading to a function that returns the cell of a message."""
    if form is Format.JSON:
        print_json([as_dict(message) for message in messages])
        return
    print_table(columns, ([cell(message) for cell in columns.values()] for message in messages))


def print_table(headings: Iterable[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table without borders. Columns of integers are aligned right."""
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe: do not wrap lines
        console.width = PIPE_WIDTH
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    lines = [[_cell(value) for value in row] for row in rows]
    for number, heading in enumerate(headings):
        right = bool(lines) and all(isinstance(line[number][1], int) for line in lines)
        table.add_column(heading, justify="right" if right else "left", overflow="fold", no_wrap=right)
    for line in lines:
        table.add_row(*(text for text, _ in line))
    console.print(table if lines else Text("nothing found", style="dim"))


def print_details(form: Format, message: Message, lines: Mapping[str, object]) -> None:
    """Print one message as JSON, or `lines` as `name  value` without empty values."""
    if form is Format.JSON:
        print_json(as_dict(message))
        return
    console = Console(highlight=False)
    width = max(len(name) for name in lines)
    for name, value in lines.items():
        text, _ = _cell(value)
        if text.plain:
            console.print(Text(name.ljust(width + 2), style="bold") + text, soft_wrap=True)


def _cell(value: object) -> tuple[Text, object]:
    if isinstance(value, Timestamp):
        return Text(time_of(value).strftime("%Y-%m-%d %H:%M:%SZ") if value.seconds else ""), value
    if isinstance(value, bool):
        return Text("yes" if value else "no"), None
    if isinstance(value, int):
        return Text(f"{value:,}"), value
    if isinstance(value, (list, tuple)) or (isinstance(value, Iterable) and not isinstance(value, str)):
        return Text(plain(", ".join(str(item) for item in value))), None
    return Text(plain(str(value))), value if isinstance(value, float) else None


def text_of(value: object) -> str:
    """Return a setting or a column as text; empty for None."""
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def pushed(at: Timestamp, before: Timestamp) -> object:
    """Return the time of a push, or, where it is unknown, `before 2026-11-30` with the day of the first sighting."""
    if at.seconds or not before.seconds:
        return at
    return f"before {time_of(before):%Y-%m-%d}"


def short(digest: str) -> str:
    """Shorten a digest to the length that `regdex lookup` accepts. JSON output has the whole digest."""
    return digest[:SHORT_DIGEST]


def size(count: int) -> str:
    """Format a number of bytes. Example: `12.3 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")
