"""The snippet is YAML that a Distribution registry can read, with any secret."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from indexer.kinds import kind_of


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_the_snippet_carries_url_and_secret_as_they_are(secret: str) -> None:
    snippet = kind_of("distribution").snippet("http://127.0.0.1:8081/webhooks/prod", secret)
    endpoint = yaml.safe_load(snippet)["notifications"]["endpoints"][0]

    assert endpoint["url"] == "http://127.0.0.1:8081/webhooks/prod"
    assert endpoint["headers"] == {"Authorization": [f"Bearer {secret}"]}
    assert endpoint["ignore"] == {"mediatypes": ["application/octet-stream"]}
