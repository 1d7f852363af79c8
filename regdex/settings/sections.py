"""The sections of `regdex.toml` with their keys, defaults and limits."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from regdex.errors import InvalidArgument
from regdex.reference import check_repository


def _is_repository(value: str) -> str:
    try:
        check_repository(value)
    except InvalidArgument as error:
        raise ValueError(str(error)) from None
    return value


RegistryName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$", max_length=63)]
RepositoryName = Annotated[str, AfterValidator(_is_repository)]
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: None if value == "" else value)]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^*]*(?:\*[^*]*){0,8}$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Listen(Section):
    """A section with an address to listen on. `listen` is `host:port`, IPv6 in brackets; port 0 picks a free port."""

    listen: str

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        split_address(value)
        return value


class Rest(Listen):
    listen: str = "127.0.0.1:8080"
    cors_origins: tuple[str, ...] = ()
    cert_file: OptionalPath = None
    key_file: OptionalPath = None


class Grpc(Listen):
    listen: str = "127.0.0.1:9090"
    cert_file: OptionalPath = None
    key_file: OptionalPath = None


class Webhooks(Listen):
    """`max_body_bytes` limits one delivery. With `max_waiting` unrecorded deliveries, new ones get a 503."""

    listen: str = "127.0.0.1:8081"
    max_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    max_waiting: int = Field(default=1_000_000, ge=1)


class Metrics(Listen):
    """`listen` is for `serve`, whose worker n listens on port + n; `index_listen` is for `index`."""

    listen: str = "127.0.0.1:9464"
    index_listen: str = "127.0.0.1:9474"


class Database(Section):
    """An empty `url` selects the embedded PostgreSQL. `pool` is the number of connections of each process."""

    url: SecretStr = SecretStr("")
    pool: int = Field(default=10, ge=2, le=200)


class Search(Section):
    """An empty `url` selects the embedded engine; otherwise `url` is a Meilisearch, and its indexes are named `index…`.

    `api_key_file` holds a key that may search for `serve`, or one that may write for `index`; `search-index keys`
    creates both. `facet_labels` are the label keys that can be counted by value. `official_projects` lists `project` or
    `registry/project` of projects that the platform team vouches for.
    """

    url: str = ""
    api_key_file: OptionalPath = None
    index: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] = "regdex"
    facet_labels: tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...] = Field(
        default=(), max_length=20
    )
    official_projects: tuple[str, ...] = ()

    @field_validator("url")
    @classmethod
    def _is_base_url(cls, value: str) -> str:
        return check_base_url(value) if value else value


class Retention(Section):
    """Days to keep raw pull events. Rollups and history are kept for ever."""

    pull_days: int = Field(default=90, ge=2, le=3650)


class Cadence(Section):
    """Intervals of scheduled jobs in seconds; 0 switches a job off."""

    reconcile_seconds: int = Field(default=6 * 3600, ge=0)
    statistics_seconds: int = Field(default=3600, ge=0)


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Registry(Section):
    """One registry. `hosts` adds to the host of `url`; `include` and `exclude` are globs of repository names.

    `indexer.kinds` checks `kind` and `options`, which differ by kind. `repositories` are read even if the registry's
    catalog does not list them. `read` selects how much is read; None means the default of the kind.

    `auth_hosts` are further hosts that may receive the credentials if the registry names one as its token service.
    `blob_hosts` are hosts with a private address, such as an object storage, to which the registry may redirect
    requests for blobs; requests to them carry no credentials.
    """

    name: RegistryName
    url: str
    kind: str = "distribution"
    options: dict[str, Any] = Field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    path_prefix: str = ""
    auth_hosts: tuple[str, ...] = ()
    blob_hosts: tuple[str, ...] = ()
    webhook_secret_file: OptionalPath = None
    username: str = ""
    password_file: OptionalPath = None
    ca_file: OptionalPath = None
    proxy: str = ""
    include: tuple[Glob, ...] = ()
    exclude: tuple[Glob, ...] = ()
    repositories: tuple[RepositoryName, ...] = Field(default=(), max_length=10_000)
    read: Literal["full", "head", "events"] | None = None
    paused: bool = False
    concurrency: int = Field(default=8, ge=1, le=64)
    page_size: int = Field(default=100, ge=1, le=1000)

    @field_validator("url")
    @classmethod
    def _is_base_url(cls, value: str) -> str:
        return check_base_url(value)

    @field_validator("hosts", "auth_hosts", "blob_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?", host):
                raise ValueError(f"{host!r} is not a host or host:port")
        return tuple(host.lower() for host in value)

    @property
    def base_url(self) -> str:
        """Return the URL that `/v2/` is appended to."""
        prefix = self.path_prefix.strip("/")
        return f"{self.url}/{prefix}" if prefix else self.url

    @property
    def all_hosts(self) -> tuple[str, ...]:
        """Return the host of `url`, without and with the port if that is the scheme's default, and `hosts`."""
        parts = urlsplit(self.url)
        default = {"http": 80, "https": 443}[parts.scheme]
        name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
        own = [f"{name}:{parts.port}" if parts.port and parts.port != default else name]
        if parts.port is None or parts.port == default:
            own.append(f"{name}:{default}")
        return tuple(dict.fromkeys([*own, *self.hosts]))


class Settings(Section):
    """All settings of an installation, validated."""

    data_dir: Path = Path("regdex-data")
    database: Database = Database()
    search: Search = Search()
    rest: Rest = Rest()
    grpc: Grpc = Grpc()
    webhooks: Webhooks = Webhooks()
    metrics: Metrics = Metrics()
    retention: Retention = Retention()
    cadence: Cadence = Cadence()
    log: Log = Log()
    registries: tuple[Registry, ...] = ()

    @model_validator(mode="after")
    def _registries_are_told_apart(self) -> Self:
        names: set[str] = set()
        hosts: dict[str, str] = {}
        for registry in self.registries:
            if registry.name in names:
                raise ValueError(f"registries: the name {registry.name!r} is used twice")
            names.add(registry.name)
            for host in registry.all_hosts:
                other = hosts.setdefault(host, registry.name)
                if other != registry.name:
                    raise ValueError(f"registries: {host!r} belongs to both {other!r} and {registry.name!r}")
        return self

    def registry(self, name: str) -> Registry | None:
        return next((registry for registry in self.registries if registry.name == name), None)

    def webhook_secret_path(self, registry: Registry) -> Path:
        return registry.webhook_secret_file or self.data_dir / "secrets" / f"webhook-{registry.name}"


def check_base_url(value: str) -> str:
    """Return `value` without trailing slashes. Raise ValueError for an invalid URL or one with credentials in it."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be http:// or https:// followed by a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must not contain credentials, a query or a fragment; put secrets into files")
    _ = parts.port  # raises ValueError when it is not a port
    return value.rstrip("/")


def split_address(value: str) -> tuple[str, int]:
    """Split `host:port`. Raise ValueError if it is malformed."""
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be host:port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 address needs brackets")
    if not host:
        raise ValueError("must be host:port; use 0.0.0.0 or [::] to listen on every address")
    return host, int(port)
