"""Splits names and texts into words, in the same way for every engine.

A word is a run of letters and digits. `/ - _` and every other sign end it, and so does a dot, except between digits:
`1.25.3` is one word. A word that mixes letters and digits or has inner capitals (`node20`, `paymentGateway`,
`python3.11`) is kept whole and also has parts. Chinese, Japanese and Korean runs always become pairs of characters.
All words are NFKC, in lower case, without accents.

The functions are pure. `pinyin` needs the extra `zh`; only code that builds documents calls it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.util import find_spec
from typing import NamedTuple

# Part of every index's fingerprint. Raise it when any output of this module changes, so that indexes are rebuilt.
TOKENS_VERSION = 3

MAX_WORD_LENGTH = 64
MAX_PARTS = 4
MAX_PINYIN_RUN = 8
MIN_INITIALS = 3
MAX_INITIALS = 6
MAX_SYLLABLE_LENGTH = 6

_WORD = re.compile(r"[^\W_]+(?:(?<=\d)\.(?=\d)[^\W_]+)*")
_DIGITS = re.compile(r"\d+(?:\.\d+)*")
# Kana, han, hangul.
CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
_CJK_RUN = re.compile(f"[{CJK}]+")
_SEAM_OF_SCRIPTS = re.compile(f"[{CJK}]+|[^{CJK}]+")
_HAN_RUN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
# Matches all syllables of pinyin, and some that do not exist.
_SYLLABLE = re.compile(
    "(?:[bpmfdtnlgkhjqxrzcsyw]|[zcs]h)?"
    "(?:[iu]ang|iong|ang|eng|ing|ong|i?an|i?ao|uan?i?|[aeu]i|ou|[eiu]n|[iuv]e|i[ua]|uo|er|[aoeiuv])"
)


class Word(NamedTuple):
    """A word and its parts: none, or two to four, none of which is the word itself."""

    text: str
    parts: tuple[str, ...] = ()


def split(text: str, *, limit: int = 1000) -> list[Word]:
    """Return the words of a text in order without repetitions, at most `limit`."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    found: dict[str, Word] = {}
    for match in _WORD.finditer(text):
        for word in _words(match.group()):
            found.setdefault(word.text, word)
        if len(found) >= limit:
            break
    return list(found.values())[:limit]


def in_order(text: str) -> list[Word]:
    """Return the words of a text in order, with repetitions."""
    if text.isascii():
        return [word for token in _WORD.findall(text) for word in _words(token)]
    return [word for token in _WORD.findall(unicodedata.normalize("NFKC", text)) for word in _words(token)]


def sequence(text: str) -> list[str]:
    """Return parts of words, or words without parts, in order, with repetitions. A phrase matches a run of these."""
    return [token for word in in_order(text) for token in (word.parts or (word.text,))]


def flatten(words: Iterable[Word]) -> list[str]:
    """Return words and their parts as an engine indexes them: in order, without repetitions."""
    return list(dict.fromkeys(token for word in words for token in (word.text, *word.parts)))


def join(words: Iterable[Word]) -> str:
    """Join words without separators, so that `payment-gateway` and `paymentgateway` become equal."""
    return "".join(word.text for word in words)[:255]


def fold(text: str) -> str:
    """Normalize to NFKC and lower case, and remove accents from Latin, Greek and Cyrillic letters."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).lower())
    kept: list[str] = []
    base = ""
    for character in decomposed:
        if unicodedata.category(character) != "Mn":
            base = character
        elif base < "\u0530":
            continue
        kept.append(character)
    return unicodedata.normalize("NFKC", "".join(kept))


@lru_cache(maxsize=50_000)
def _words(token: str) -> tuple[Word, ...]:
    if token.isascii():
        return (_word(token),)
    words: list[Word] = []
    for run in _SEAM_OF_SCRIPTS.findall(token):
        if _CJK_RUN.match(run):
            signs = fold(run)
            words.extend(Word(signs[at : at + 2]) for at in range(max(len(signs) - 1, 1)))
        else:
            words.extend(_word(piece) for piece in _WORD.findall(run))
    return tuple(words)


def _word(token: str) -> Word:
    whole = fold(token)[:MAX_WORD_LENGTH].rstrip(".")
    if whole.isalpha() and (whole == token or not token.isalpha()):
        return Word(whole)
    parts = tuple(dict.fromkeys(fold(part)[:MAX_WORD_LENGTH] for part in _parts(token)))
    return Word(whole, parts) if 2 <= len(parts) <= MAX_PARTS else Word(whole)


def _parts(token: str) -> list[str]:
    """Split into runs of digits with dots between them and runs of letters, cut where a capital begins a word."""
    parts: list[str] = []
    at = 0
    while at < len(token):
        digits = _DIGITS.match(token, at)
        end = digits.end() if digits else _end_of_letters(token, at)
        if token[at] != ".":
            parts.append(token[at:end])
        at = end
    return parts


def _end_of_letters(token: str, start: int) -> int:
    """Return the position of the next digit or dot, or of the capital that begins a new word (`HTTPServer`: the S)."""
    for at in range(start + 1, len(token)):
        here = token[at]
        if here.isdecimal() or here == ".":
            return at
        if here.isupper() and (token[at - 1].islower() or (at + 1 < len(token) and token[at + 1].islower())):
            return at
    return len(token)


class Name(NamedTuple):
    """The searchable parts of a repository's name. `parent` and `last` are joined without separators.

    Of `corp/payments/payment-gateway`: parent `corppayments`, last `paymentgateway`, first `payment`.
    """

    parent: str
    last: str
    first: str
    words: list[Word]


def split_name(name: str) -> Name:
    """Split a repository's name, or a typed text."""
    parent, _, last = name.rpartition("/")
    last_words = split(last)
    parent_words = split(parent) if parent else []
    words = list({word.text: word for word in (*parent_words, *last_words)}.values())
    return Name(join(parent_words), join(last_words), last_words[0].text if last_words else "", words)


def last_signs(text: str) -> list[str]:
    """Return the last character of each Chinese, Japanese or Korean run of two or more: no pair begins with it."""
    runs = _CJK_RUN.findall(unicodedata.normalize("NFKC", text))
    return list(dict.fromkeys(fold(run)[-1] for run in runs if len(run) > 1))


@lru_cache(maxsize=1)
def has_pinyin() -> bool:
    """Return whether the extra `zh` is installed. This is part of every index's fingerprint."""
    return find_spec("pypinyin") is not None


def pinyin(text: str, *, limit: int = 400) -> list[str]:
    """Return Latin spellings of the Chinese in a text: pairs of syllables, short runs as a whole, and initials.

    支付网关 gives zhifu, fuwang, wangguan, zhifuwangguan, zfwg, fwg. Initials begin at each syllable, so that the
    initials of any part of a run are a beginning of one of them. The result is empty without the extra `zh`.
    """
    if text.isascii() or not has_pinyin():
        return []
    found: dict[str, None] = {}
    for run in _HAN_RUN.findall(unicodedata.normalize("NFKC", text)):
        found.update(_sounds(run))
        if len(found) >= limit:
            break
    return list(found)[:limit]


@lru_cache(maxsize=20_000)
def _sounds(run: str) -> dict[str, None]:
    syllables = _syllables(run)
    pairs = ["".join(syllables[at : at + 2]) for at in range(max(len(syllables) - 1, 1))]
    if 2 <= len(syllables) <= MAX_PINYIN_RUN:
        pairs.append("".join(syllables)[:MAX_WORD_LENGTH])
    initials = "".join(syllable[:1] for syllable in syllables)
    starts = range(max(len(initials) - MIN_INITIALS, 0) + 1)
    ends = [initials[at : at + MAX_INITIALS] for at in starts] if len(initials) > 1 else []
    return {token: None for token in (*pairs, *ends) if token}


def pairs_of_syllables(text: str, is_known: Callable[[str], bool]) -> list[str]:
    """Split `quanxianguanli` (权限管理) into quanxian, xianguan, guanli. Return [] unless all pairs are known."""
    if not (text.isascii() and text.isalpha()) or len(text) > MAX_WORD_LENGTH:
        return []
    dead: set[tuple[int, int]] = set()

    def go_on(start: int, at: int) -> list[str] | None:
        """Return the pairs that begin with the syllable text[start:at]; None if there is no such split."""
        if at == len(text):
            return []
        for end in range(at + 1, min(at + MAX_SYLLABLE_LENGTH, len(text)) + 1):
            if (at, end) in dead or not _SYLLABLE.fullmatch(text, at, end) or not is_known(text[start:end]):
                continue
            rest = go_on(at, end)
            if rest is not None:
                return [text[start:end], *rest]
            dead.add((at, end))
        return None

    for first in range(1, MAX_SYLLABLE_LENGTH + 1):
        if first < len(text) and _SYLLABLE.fullmatch(text, 0, first) and (pairs := go_on(0, first)):
            return pairs
    return []


def _syllables(run: str) -> list[str]:
    from pypinyin import lazy_pinyin  # takes 55 MB: imported only where documents are built

    return [fold(syllable) for syllable in lazy_pinyin(run, errors="ignore")]
