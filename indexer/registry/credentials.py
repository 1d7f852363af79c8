"""Credentials for a registry, read each time that they are needed, because they may change or expire."""

from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import SecretStr

from regdex.errors import Misconfigured
from regdex.settings import Registry, read_secret


class Login(NamedTuple):
    """A user name and a password; an empty name means anonymous access."""

    username: str
    password: SecretStr


class Credentials(Protocol):
    """Provides the login for one registry."""

    async def login(self, *, refused: Login | None = None) -> Login:
        """Return the login to use now; where possible another one than `refused`, which was just refused."""
        ...


class FileCredentials:
    """Provides the settings' user name, and the password in a file, which is read again when it has changed."""

    def __init__(self, registry: Registry) -> None:
        """Read the file; Misconfigured when it cannot be read."""
        self._username = registry.username
        self._file = registry.password_file
        self._version = self._find_version()
        self._password = read_secret(self._file) if self._file else SecretStr("")

    async def login(self, *, refused: Login | None = None) -> Login:
        """Return the login; the last password while the file cannot be read, for example while it is replaced."""
        version = self._find_version()
        if self._file is not None and (version != self._version or refused is not None):
            try:
                self._password = read_secret(self._file)
                self._version = version
            except Misconfigured:
                pass
        return Login(self._username, self._password)

    def _find_version(self) -> tuple[int, ...]:
        try:
            status = Path(self._file).stat() if self._file else None
        except OSError:
            return ()
        return (status.st_mtime_ns, status.st_size, status.st_ino) if status else ()
