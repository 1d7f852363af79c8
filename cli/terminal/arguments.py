"""Parsers of command-line arguments: `registry/repository:tag`, times, `NAME=URL`."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from regdex.errors import InvalidArgument

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Place(NamedTuple):
    """A repository, with the tag and the digest if given."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""


def place(text: str) -> Place:
    """Parse `registry/repository[:tag][@digest]`."""
    name, _, digest = text.partition("@")
    registry, slash, rest = name.partition("/")
    repository, _, tag = rest.partition(":")
    if not slash or not registry or not repository:
        raise InvalidArgument(f"expected registry/repository, such as prod/payments/gateway:1.4; got {text!r}")
    return Place(registry, repository, tag, digest)


def moment(text: str, *, now: datetime | None = None) -> datetime:
    """Parse a time: RFC 3339, a date, or an age (`90m`, `36h`, `7d`, `2w`). A time without a zone is UTC."""
    if match := re.fullmatch(r"(\d{1,6})([mhdw])", text):
        try:
            return (now or datetime.now(UTC)) - timedelta(**{UNITS[match[2]]: int(match[1])})
        except OverflowError as error:
            raise InvalidArgument(f"{text!r} is too long ago") from error
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument(f"{text!r} is not a time; examples: 2026-11-17T09:00:00Z, 2026-11-17, 7d") from error
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def registry_option(text: str) -> dict[str, str]:
    """Parse `URL` or `NAME=URL`. The default name is made from the host, example: `registry-example-com-5000`."""
    name, equals, url = text.partition("=")
    if not equals or "/" in name:
        name, url = "", text
    if "://" not in url:
        raise InvalidArgument(f"{url!r} is not a URL; example: http://registry.example.com:5000")
    if not name:
        name = re.sub(r"[^a-z0-9]+", "-", urlsplit(url).netloc.rpartition("@")[2].lower()).strip("-")[:63].strip("-")
    return {"name": name, "url": url}
