"""Reads the Link to the next page of a listing (RFC 8288), of which only the query is used.

Behind a proxy, registries often send Links with a wrong scheme, host, port or prefix. The next page is therefore
requested at the configured address and the path of the listing.
"""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

MAX_LINK_CHARACTERS = 8192
MAX_CURSOR_CHARACTERS = 2048
MAX_SHOWN_CHARACTERS = 200

_LINK = re.compile(r"""<([^<>]*)>((?:\s*;\s*[A-Za-z*]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s;,"']+))*)\s*(?:,|$)""")
_NEXT = re.compile(
    r""";\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|'(?:[^']*\s)?next(?:\s[^']*)?'|next(?=[\s;]|$))""",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*")
_USER = re.compile(r"//[^/?#]*@")
_CUT = re.compile(r"rel\s*=\s*[\"']?[^\"',;]*\bnext\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NextLink:
    """`cursor` is the query of the next page. It is empty where the Link cannot be followed; `problem` says why."""

    cursor: str
    problem: str = ""


def find_next(headers: Sequence[str], path: str) -> NextLink | None:
    """Return the first Link with rel=next that leads to the listing at `path`; None where no header has rel=next."""
    text = ", ".join(headers)
    if not text:
        return None
    found = [
        _read(match[1].strip(), path) for match in _LINK.finditer(text[:MAX_LINK_CHARACTERS]) if _NEXT.search(match[2])
    ]
    if not found:
        return NextLink("", f"the Link {_shown(text)} cannot be read") if _CUT.search(text) else None
    return next((link for link in found if link.cursor), found[0])


def is_same_listing(path: str, other: str) -> bool:
    """Return False only if `other` ends in the path of another listing than `path`.

    Proxies add and drop leading components: `/v2/app/tags/list` and `/tags/list` may be `/v2/team/app/tags/list`.
    """
    ours, theirs = _listing(path), _listing(other)
    if theirs is None or ours is None:
        return True
    return ours[0] == theirs[0] and is_same_name(ours[1], theirs[1])


def is_same_name(name: str, other: str) -> bool:
    """Return whether two repository names are equal, apart from leading components, which proxies add and drop."""
    return f"/{name}".endswith(f"/{other}") or f"/{other}".endswith(f"/{name}") or not other


def _listing(path: str) -> tuple[str, str] | None:
    """Return the kind of listing and the repository of a path; the repository follows the last `v2`, `.` or `..`."""
    parts = [part for part in path.split("/") if part]
    if parts[-1:] == ["_catalog"]:
        return "_catalog", ""
    if parts[-2:] == ["tags", "list"]:
        kind, parts = "tags", parts[:-2]
    elif parts[-2:-1] == ["referrers"]:
        kind, parts = f"referrers/{parts[-1]}", parts[:-2]
    else:
        return None
    start = max((index + 1 for index, part in enumerate(parts) if part in ("v2", ".", "..")), default=0)
    return kind, "/".join(parts[start:])


def _read(target: str, path: str) -> NextLink:
    place, _, query = _AUTHORITY.sub("", target, count=1).partition("#")[0].partition("?")
    if not is_same_listing(path, unquote(place)):
        return NextLink("", f"the Link {_shown(target)} leads to another listing")
    cursor = quote(query, safe=string.punctuation, errors="surrogateescape")
    if not cursor:
        return NextLink("", f"the Link {_shown(target)} has no query, so it leads nowhere")
    if len(cursor) > MAX_CURSOR_CHARACTERS:
        return NextLink("", f"the query of the Link {_shown(target)} is longer than {MAX_CURSOR_CHARACTERS} characters")
    return NextLink(cursor)


def _shown(target: str) -> str:
    """Return a Link for printing: ASCII, without credentials, cut to `MAX_SHOWN_CHARACTERS`."""
    target = _USER.sub("//", target)
    text = "".join(char if " " <= char <= "~" else "?" for char in target[:MAX_SHOWN_CHARACTERS])
    return f"<{text}…>" if len(target) > MAX_SHOWN_CHARACTERS else f"<{text}>"
