"""The snippet that makes a registry tell Regdex what happens in it."""

from indexer.kinds import kind_of
from regdex import settings
from regdex.settings import Registry, Settings


def snippet_of(loaded: Settings, registry: Registry, url: str = "") -> str:
    """For a registry of the settings; `url` is how it reaches Regdex, the address listened on when empty."""
    secret = settings.read_or_make_secret(loaded.webhook_secret_path(registry))
    kind = kind_of(registry.kind)
    base = url.rstrip("/") or f"http://{loaded.webhooks.listen}"
    behind = f"/{secret.get_secret_value()}" if kind.takes_path_secret else ""
    return kind.snippet(f"{base}/webhooks/{registry.name}{behind}", secret.get_secret_value())
