"""The kind for GitLab's container registry, self-managed, which has the events and tags of Distribution.

Only an administrator's token may list its catalog; for other tokens, name its repositories in the settings, or let
webhooks report them. Source: GitLab documentation, "Container registry administration", `registry['notifications']`.
"""

import json
from typing import ClassVar

from indexer.kinds.distribution import Distribution


class GitLab(Distribution):
    """Differs from Distribution in the configuration of notifications."""

    name: ClassVar[str] = "gitlab"

    def snippet(self, url: str, secret: str) -> str:
        """Return Ruby for `/etc/gitlab/gitlab.rb`; `gitlab-ctl reconfigure` applies it."""
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
    """Return a Ruby string in double quotes, in which `#` is escaped."""
    return json.dumps(text, ensure_ascii=False).replace("#", "\\#")
