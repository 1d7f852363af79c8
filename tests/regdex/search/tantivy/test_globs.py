"""Globs cut into what the dictionaries have, and text without regard to case."""

import re
import sys

from hypothesis import given
from hypothesis import strategies as st

from regdex.search.casing import caseless
from regdex.search.language.query import Pattern
from regdex.search.matching import compile_pattern
from regdex.search.tantivy.reading.globs import cuts, rests, tidy, to_expression

GLOBS = st.text("ab/-*?", max_size=8).map(tidy)
SEGMENT = st.text("ab-", max_size=4)
PATHS = st.lists(SEGMENT, max_size=2).map(lambda segments: "".join(f"{segment}/" for segment in segments))


def fits(text: str, glob: str) -> bool:
    return compile_pattern(Pattern(glob, is_glob=True)).fullmatch(text) is not None


@given(GLOBS, PATHS, SEGMENT)
def test_a_name_fits_when_path_and_last_segment_fit_a_cut(glob: str, path: str, last: str) -> None:
    by_cuts = any(fits(path, above) and fits(last, below) for above, below in cuts(glob))

    assert by_cuts == fits(path + last, glob)


@given(GLOBS, st.text("ab-", max_size=4), PATHS, SEGMENT)
def test_what_is_left_of_a_glob_fits_the_rest_of_the_text(glob: str, registry: str, path: str, last: str) -> None:
    left = rests(glob, f"{registry}/")

    assert any(fits(path + last, rest) for rest in left) == fits(f"{registry}/{path}{last}", glob)


@given(st.text(st.sampled_from("aB1-./*?[](){}|^$+\\é支 \n\x00"), max_size=10), st.text("aB1-.é支 \n", max_size=10))
def test_an_expression_says_what_the_glob_says(glob: str, text: str) -> None:
    glob, text = caseless(glob), caseless(text)
    expression = to_expression(glob, is_ascii=text.isascii())
    python = re.sub(r"\\x\{([0-9a-f]+)\}", lambda sign: f"\\U{int(sign[1], 16):08x}", expression)

    assert (re.fullmatch(python, text) is not None) == fits(text, glob)


def test_each_character_is_caseless_as_expressions_have_it() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        if character.isalpha() and caseless(character) != character:
            assert re.fullmatch(re.escape(caseless(character)), character, re.IGNORECASE), character
            assert caseless(caseless(character)) == caseless(character)


@given(st.text(st.characters(categories=["L"]), min_size=1, max_size=3))
def test_other_cases_of_a_text_are_the_same_caseless(text: str) -> None:
    for other in (text.upper(), text.lower(), text.swapcase()):
        if len(other) == len(text) and re.fullmatch(re.escape(text), other, re.IGNORECASE):
            assert caseless(other) == caseless(text)
