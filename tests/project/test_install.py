"""The base install contains the client only, and the wheel contains every file that is needed at run time."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE = ("grpc", "google", "typing_extensions", "regdex", "cli")
ONLY_BASE = f"""
import sys

class OnlyBase:
    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        ours = package in {BASE!r} or package.startswith("__editable__")
        if package not in sys.stdlib_module_names and not ours:
            raise ModuleNotFoundError(f"No module named {{package!r}}", name=package)

sys.meta_path.insert(0, OnlyBase())
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with only the base install available."""
    return subprocess.run(
        [sys.executable, "-I", "-c", ONLY_BASE + code], capture_output=True, text=True, check=False, cwd="/"
    )


def test_the_client_needs_the_base_only() -> None:
    done = run("from regdex.client import Client\nprint(Client.__name__)")

    assert (done.returncode, done.stdout) == (0, "Client\n"), done.stderr


def test_the_command_says_what_to_install() -> None:
    done = run("from cli.door import main\nmain()")

    assert done.returncode == 1
    assert done.stderr == 'regdex: typer is not installed: run pip install "regdex[cli]"\n'


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of the files in a wheel of this tree."""
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (file,) = target.iterdir()
    return set(zipfile.ZipFile(file).namelist())


def test_the_wheel_holds_every_file_of_the_four_packages(wheel: set[str]) -> None:
    tracked = {
        str(path.relative_to(ROOT))
        for package in ("regdex", "service", "indexer", "cli")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert tracked - wheel == set()
    assert {name for name in wheel if ".dist-info/" not in name} == tracked
