"""Case folding with the rules of `re.IGNORECASE`. One character stays one, so that `?` of a glob matches it."""

from functools import lru_cache

# Letters that `re.IGNORECASE` treats as equal although they are not upper and lower case of each other.
_ALIKE = {"\u1fd3": "\u0390", "\u1fe3": "\u03b0", "\ufb06": "\ufb05"}


def caseless(text: str) -> str:
    """Fold case. Two texts have equal results if and only if they are equal under `re.IGNORECASE`."""
    return text.lower() if text.isascii() else "".join(map(_caseless, text))


@lru_cache(maxsize=4096)
def _caseless(character: str) -> str:
    lower = character.lower()[0]
    upper = lower.upper()
    if len(upper) == 1 and len(upper.lower()) == 1:
        return upper.lower()
    return _ALIKE.get(lower, lower)
