"""Secrets of endpoints: what the file holds now is what is accepted now (B05)."""

import os
from pathlib import Path

import pytest

from indexer.receiving.endpoints import SecretFile
from regdex.errors import Unavailable


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def rewrite(path: Path, text: str, *, version: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(version, version))


def test_changed_file_takes_effect_within_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "secret", Clock()
    rewrite(path, "old\n", version=1)
    secret = SecretFile(path, clock=clock)
    assert b"old" in secret.read()

    rewrite(path, "new\n", version=2)
    clock.now += 1.0

    assert b"new" in secret.read()
    assert b"old" not in secret.read()


def test_both_secrets_are_accepted_during_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("new\n\nold\n")
    secret = SecretFile(path)

    assert secret.read() == (b"new", b"old")


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_file_without_a_secret_accepts_nothing(tmp_path: Path, text: str) -> None:
    path, clock = tmp_path / "secret", Clock()
    rewrite(path, "old\n", version=1)
    secret = SecretFile(path, clock=clock)
    assert b"old" in secret.read()
    rewrite(path, text, version=2)
    clock.now += 1.0

    with pytest.raises(Unavailable):
        secret.read()
    with pytest.raises(Unavailable):
        secret.read()


def test_missing_file_accepts_nothing_until_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = SecretFile(path)
    with pytest.raises(Unavailable):
        secret.read()

    path.write_text("new\n")

    assert b"new" in secret.read()
