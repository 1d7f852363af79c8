"""Which repositories of a registry are indexed: the settings' `include` and `exclude`."""

import fnmatch
import re
from collections.abc import Iterable


class Selection:
    """Wants what some `include` matches, all where there are none, and no `exclude` does. Globs of `*` and `?`."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        self._include = [_compile(glob) for glob in include]
        self._exclude = [_compile(glob) for glob in exclude]

    def wants(self, repository: str) -> bool:
        if self._include and not any(pattern.match(repository) for pattern in self._include):
            return False
        return not any(pattern.match(repository) for pattern in self._exclude)


def _compile(glob: str) -> re.Pattern[str]:
    # fnmatch's translation does not backtrack over several stars; its character classes are not ours.
    return re.compile(fnmatch.translate(glob.replace("[", "[[]")))
