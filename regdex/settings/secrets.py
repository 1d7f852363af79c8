"""Reads and creates files that hold secrets, such as passwords, API keys and webhook secrets."""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from regdex.errors import Misconfigured


def read_secret(path: Path) -> SecretStr:
    """Return the first line of a secret file. Raise Misconfigured if it cannot be read or is empty."""
    return read_secrets(path)[0]


def read_secrets(path: Path) -> tuple[SecretStr, ...]:
    """Return all lines of a secret file, at least one: during a rotation, the new secret and then the old one."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: cannot be read: {error}") from error
    secrets_held = tuple(SecretStr(line.strip()) for line in lines if line.strip())
    if not secrets_held:
        raise Misconfigured(f"{path}: is empty")
    return secrets_held


def read_or_make_secret(path: Path) -> SecretStr:
    """Read as `read_secret`. Create a missing file with a new secret of 256 bits, readable only by its owner."""
    if path.exists():
        return read_secret(path)
    secret = secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret + "\n")
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be created: {error.strerror}") from error
    return SecretStr(secret)
