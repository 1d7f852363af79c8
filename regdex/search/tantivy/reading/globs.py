"""Converts globs to regular expressions for Tantivy's term dictionaries, with automata linear in their length.

The dictionaries have the path of a name, `corp/payments/`, and its last segment. A glob over both is cut in two at each
position where the path could end.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

# Letters and digits with a star before or after: a name that matches as a whole also has a word that matches.
OF_ONE_WORD = re.compile(r"\*?[a-z0-9]+\*?")

# Letters and digits with a star on both sides.
INSIDE = re.compile(r"\*([a-z0-9]+)\*")

MAX_STATES = 512

_STARS = re.compile(r"\*+")
_PLAIN = re.compile("[a-z0-9]", re.ASCII)
_RUN = re.compile("[a-z0-9]+", re.ASCII)


def tidy(glob: str) -> str:
    """Replace runs of stars by one star."""
    return _STARS.sub("*", glob)


def to_expression(glob: str, *, is_ascii: bool) -> str:
    """Convert a glob. `is_ascii` means that all values are ASCII."""
    one = r"[\x00-\x7f]" if is_ascii else r"[\x{0}-\x{10ffff}]"
    signs = {"*": f"{one}*", "?": one}
    return "".join(signs.get(sign) or _literal(sign) for sign in glob)


def runs(glob: str) -> list[str]:
    """Return the runs of letters and digits of a glob. Each is in one word of a matching name, or in its registry."""
    return list(dict.fromkeys(_RUN.findall(glob)))


def together(globs: Sequence[str]) -> Iterator[list[str]]:
    """Group globs so that each group's automaton has a limited size, which multiplies with each glob that has stars."""
    group: list[str] = []
    states = 1
    for glob in globs:
        inside = glob.strip("*")
        own = len(glob) + 1 if "*" in inside or "?" in inside else 2
        if group and states * own > MAX_STATES:
            yield group
            group, states = [], 1
        group.append(glob)
        states *= own
    if group:
        yield group


def _literal(sign: str) -> str:
    return sign if _PLAIN.match(sign) else rf"\x{{{ord(sign):x}}}"


def cuts(glob: str) -> Iterator[tuple[str, str]]:
    """Yield pairs of a glob for the path, which is empty or ends in a slash, and a glob for the last segment.

    A name matches `glob` if and only if its path and its last segment match both globs of one pair.
    """
    for at in range(glob.rfind("/") + 1, len(glob) + 1):
        before = glob[at - 1] if at else ""
        if not at or before in "/?":
            yield glob[:at], glob[at:]
        elif before == "*":
            yield glob[:at], glob[at - 1 :]


def rests(glob: str, text: str) -> frozenset[str]:
    """Return the rests of a glob after it matched `text`. The text that follows has to match one of them."""
    at = _skip(glob, {0})
    for sign in text:
        at = _skip(glob, {place for begin in at for place in _step(glob, begin, sign)})
    last_star = max((place for place in at if glob[place : place + 1] == "*"), default=0)
    return frozenset(
        glob[place:] for place in at if place >= last_star
    )  # a later star also matches everything that an earlier place matches


def _step(glob: str, at: int, sign: str) -> Iterable[int]:
    if at == len(glob):
        return ()
    if glob[at] == "*":
        return (at,)
    return (at + 1,) if glob[at] in ("?", sign) else ()


def _skip(glob: str, places: set[int]) -> set[int]:
    """Add the places after stars, which may match nothing."""
    return places | {place + 1 for place in places if glob[place : place + 1] == "*"}
