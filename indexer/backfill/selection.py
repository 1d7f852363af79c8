"""Selects the repositories of a registry to index, by `include` and `exclude` of the settings."""

from collections.abc import Iterable

from regdex.glob import to_expression


class Selection:
    """Selects names that match an `include` glob, or all names without one, and that match no `exclude` glob."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        self._include = [to_expression(glob) for glob in include]
        self._exclude = [to_expression(glob) for glob in exclude]

    def wants(self, repository: str) -> bool:
        if self._include and not any(pattern.fullmatch(repository) for pattern in self._include):
            return False
        return not any(pattern.fullmatch(repository) for pattern in self._exclude)
