"""Who we are to a registry: asked each time that a name and a password are needed, since they may change or expire."""

from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import SecretStr

from regdex.errors import Misconfigured
from regdex.settings import Registry, read_secret


class Login(NamedTuple):
    """A user name and a password; without a name nobody is logged in."""

    username: str
    password: SecretStr


class Credentials(Protocol):
    """Gives the login of one registry."""

    async def login(self, *, refused: Login | None = None) -> Login:
        """The login to use now. `refused` is one that the registry has just refused: get a new one if there may be."""
        ...


class FileCredentials:
    """The user name of the settings, and what the password file holds now: it is read again when it has changed."""

    def __init__(self, registry: Registry) -> None:
        """Misconfigured when there is a file that cannot be read."""
        self._username = registry.username
        self._file = registry.password_file
        self._version = self._find_version()
        self._password = read_secret(self._file) if self._file else SecretStr("")

    async def login(self, *, refused: Login | None = None) -> Login:
        """A file that cannot be read now, while it is being replaced, leaves the password as it was."""
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
