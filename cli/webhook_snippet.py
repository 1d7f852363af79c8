"""The snippet that makes a registry tell Regdex what happens in it."""

import json


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
