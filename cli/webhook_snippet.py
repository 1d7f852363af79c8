"""The snippet that makes a registry tell Regdex what happens in it."""

import json

from regdex import settings
from regdex.settings import Registry, Settings


def snippet_of(loaded: Settings, registry: Registry, url: str = "") -> str:
    """For a registry of the settings; `url` is how it reaches Regdex, the address listened on when empty."""
    secret = settings.read_or_make_secret(loaded.webhook_secret_path(registry))
    base = url.rstrip("/") or f"http://{loaded.webhooks.listen}"
    return distribution_snippet(f"{base}/webhooks/{registry.name}", secret.get_secret_value())


def distribution_snippet(url: str, secret: str) -> str:
    """YAML for the `config.yml` of a Distribution registry (2.8 and 3): one endpoint, blobs left out.

    Source: distribution docs, "Notifications" and "Configuration", `notifications`.
    """
    return f"""\
notifications:
  endpoints:
    - name: regdex
      url: {json.dumps(url, ensure_ascii=False)}
      headers:
        Authorization: [{json.dumps("Bearer " + secret, ensure_ascii=False)}]
      timeout: 1s
      threshold: 10
      backoff: 1s
      ignore:
        mediatypes: [application/octet-stream]
"""
