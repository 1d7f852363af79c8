"""Pages of a listing: the names on one, and the cursor of the next, which can lead to the same listing only.

Source: distribution specification, "Listing Tags" and "Listing Referrers"; RFC 8288 for Link.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from yarl import URL

from indexer.registry.egress import Answer
from regdex.errors import InvalidArgument, RegistryError

LONGEST_LINK = 8192

_CURSOR = re.compile(r"[\x21-\x7e]{1,2048}")
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[A-Za-z*]+\s*=\s*(?:"[^"]*"|[^\s;,"]+))*)\s*(?:,|$)')
_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=[\s;]|$))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NamePage:
    """One page of a listing, in the registry's order. `rejected` counts entries that are no names; None ends it."""

    names: tuple[str, ...]
    rejected: int
    next: str | None
    at: datetime


def pick_names(entries: Iterable[Any], check: Callable[[str], None]) -> tuple[tuple[str, ...], int]:
    """The names among `entries` as `check` allows them, without repeats, and how many others there were."""
    names: dict[str, None] = {}
    rejected = 0
    for entry in entries:
        try:
            if not isinstance(entry, str):
                raise InvalidArgument("not text")
            check(entry)
            names[entry] = None
        except InvalidArgument:
            rejected += 1
    return tuple(names), rejected


def next_cursor(answer: Answer, origin: URL, prefix: str, path: str) -> str | None:
    """The query of the Link with rel=next; RegistryError when it leads to another origin or listing, or nowhere.

    A registry that does not know of its `prefix` may leave it out.
    """
    header = ", ".join(answer.headers.getall("Link", ()))
    if not header:
        return None
    targets = [match[1] for match in _LINK.finditer(header[:LONGEST_LINK]) if _NEXT.search(match[2])]
    if not targets:
        if re.search(r"rel\s*=\s*\"?next", header, re.IGNORECASE):
            raise RegistryError("unexpected_content", "the Link cannot be read")
        return None
    try:
        here = origin.with_path(prefix + path)
        target = here.join(URL(targets[0], encoded=True))
        same_origin = target.origin() == origin and target.user is None
    except ValueError:
        raise RegistryError("unexpected_content", "the Link is not a URL") from None
    if not same_origin or unquote(target.raw_path) not in (prefix + path, path):
        raise RegistryError("unexpected_content", "the Link leads elsewhere")
    if not _CURSOR.fullmatch(target.raw_query_string):
        raise RegistryError("unexpected_content", "the Link leads nowhere")
    return target.raw_query_string
