"""The webhook configuration to paste into a registry."""

from indexer.kinds import kind_of
from regdex import settings
from regdex.settings import Registry, Settings


def snippet_of(loaded: Settings, registry: Registry, url: str = "") -> str:
    """Return the snippet for a registry of the settings, and create its secret if missing.

    `url` is the address at which the registry reaches Regdex; empty means `webhooks.listen`.
    """
    secret = settings.read_or_make_secret(loaded.webhook_secret_path(registry))
    kind = kind_of(registry.kind)
    base = url.rstrip("/") or f"http://{loaded.webhooks.listen}"
    suffix = f"/{secret.get_secret_value()}" if kind.takes_path_secret else ""
    return kind.snippet(f"{base}/webhooks/{registry.name}{suffix}", secret.get_secret_value())
