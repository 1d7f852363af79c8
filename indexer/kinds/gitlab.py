"""GitLab's container registry, self-managed: a Distribution whose events and tags are the same.

Its catalog is refused to everybody but an administrator's token; name its repositories in the settings, or let the
webhooks tell them. Source: GitLab documentation, "Container registry administration", `registry['notifications']`.
"""

import json
from typing import ClassVar

from indexer.kinds.distribution import Distribution


class GitLab(Distribution):
    """Differs from Distribution in where its notifications are configured."""

    name: ClassVar[str] = "gitlab"

    def snippet(self, url: str, secret: str) -> str:
        """Ruby for `/etc/gitlab/gitlab.rb`; `gitlab-ctl reconfigure` puts it in force."""
        return f"""\
registry['notifications'] = [
  {{
    'name' => 'regdex',
    'url' => {_quoted(url)},
    'timeout' => '1s',
    'threshold' => 10,
    'backoff' => '1s',
    'headers' => {{ 'Authorization' => [{_quoted("Bearer " + secret)}] }}
  }}
]
"""


def _quoted(text: str) -> str:
    """A Ruby string in double quotes, in which `#` begins nothing."""
    return json.dumps(text, ensure_ascii=False).replace("#", "\\#")
