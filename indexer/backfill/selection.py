"""Which repositories of a registry are indexed: the settings' `include` and `exclude`."""

from collections.abc import Iterable

from regdex.glob import to_expression


class Selection:
    """Wants what some `include` matches, all where there are none, and no `exclude` does."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        self._include = [to_expression(glob) for glob in include]
        self._exclude = [to_expression(glob) for glob in exclude]

    def wants(self, repository: str) -> bool:
        if self._include and not any(pattern.fullmatch(repository) for pattern in self._include):
            return False
        return not any(pattern.fullmatch(repository) for pattern in self._exclude)
