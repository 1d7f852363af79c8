"""Text without regard to case, as `re.IGNORECASE` has it: one character stays one, so that `?` of a glob fits it."""

from functools import lru_cache

# Letters that `re.IGNORECASE` takes for each other although neither is another case of the other.
_ALIKE = {"\u1fd3": "\u0390", "\u1fe3": "\u03b0", "\ufb06": "\ufb05"}


def caseless(text: str) -> str:
    """Equal for two texts of which one, escaped, fully matches the other ignoring case."""
    return text.lower() if text.isascii() else "".join(map(_caseless, text))


@lru_cache(maxsize=4096)
def _caseless(character: str) -> str:
    lower = character.lower()[0]
    upper = lower.upper()
    if len(upper) == 1 and len(upper.lower()) == 1:
        return upper.lower()
    return _ALIKE.get(lower, lower)
