"""Globs as regular expressions for Tantivy's term dictionaries, whose automata take time and states by length only.

Of a name the dictionaries have the path, `corp/payments/`, and the last segment. A glob over both is cut in two at
each place where it could pass from the one into the other.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

# A star next to letters and digits: who fits it by the name as a whole also fits it by one of its words.
OF_ONE_WORD = re.compile(r"\*?[a-z0-9]+\*?")

# Letters and digits with a star on both sides.
INSIDE = re.compile(r"\*([a-z0-9]+)\*")

MAX_STATES = 512

_STARS = re.compile(r"\*+")
_PLAIN = re.compile("[a-z0-9]", re.ASCII)
_RUN = re.compile("[a-z0-9]+", re.ASCII)


def tidy(glob: str) -> str:
    """Runs of stars as one."""
    return _STARS.sub("*", glob)


def to_expression(glob: str, *, is_ascii: bool) -> str:
    """`is_ascii`: so are the values."""
    one = r"[\x00-\x7f]" if is_ascii else r"[\x{0}-\x{10ffff}]"
    signs = {"*": f"{one}*", "?": one}
    return "".join(signs.get(sign) or _literal(sign) for sign in glob)


def runs(glob: str) -> list[str]:
    """Letters and digits that every text that fits has together: each in one word of the name, or in the registry."""
    return list(dict.fromkeys(_RUN.findall(glob)))


def together(globs: Sequence[str]) -> Iterator[list[str]]:
    """Groups of globs whose alternatives make an automaton of bounded size; it multiplies with each that has stars."""
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
    """Globs of a path, which ends in a slash or is empty, and of a last segment, which has none.

    A name fits `glob` if path and last segment fit both of one of these, and only then.
    """
    for at in range(glob.rfind("/") + 1, len(glob) + 1):
        before = glob[at - 1] if at else ""
        if not at or before in "/?":
            yield glob[:at], glob[at:]
        elif before == "*":
            yield glob[:at], glob[at - 1 :]


def rests(glob: str, text: str) -> frozenset[str]:
    """What is left of a glob once `text` is taken: whatever follows has to fit one of these, and `glob` goes on."""
    at = _skip(glob, {0})
    for sign in text:
        at = _skip(glob, {place for begin in at for place in _step(glob, begin, sign)})
    last_star = max((place for place in at if glob[place : place + 1] == "*"), default=0)
    return frozenset(glob[place:] for place in at if place >= last_star)  # what a later star takes, it takes as well


def _step(glob: str, at: int, sign: str) -> Iterable[int]:
    if at == len(glob):
        return ()
    if glob[at] == "*":
        return (at,)
    return (at + 1,) if glob[at] in ("?", sign) else ()


def _skip(glob: str, places: set[int]) -> set[int]:
    """With the places after stars, which may take nothing."""
    return places | {place + 1 for place in places if glob[place : place + 1] == "*"}
