"""GitLab's registry: its events are Distribution's, with an actor that says more; its snippet is Ruby."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from indexer.kinds import Delivery, kind_of
from regdex.events import ManifestPushed

SAMPLE = Path(__file__).parent / "data" / "gitlab.push_tag.constructed.json"
RECEIVED_AT = datetime(2026, 11, 24, 9, 12, 34, tzinfo=UTC)


def test_push_is_told_as_by_distribution() -> None:
    delivery = Delivery(1, "git", RECEIVED_AT, {}, SAMPLE.read_bytes())

    decoded = kind_of("gitlab").decode(delivery)

    (event,) = decoded.events
    assert isinstance(event, ManifestPushed)
    assert (event.repository, event.tag, event.actor, event.exact) == ("payments/gateway/api", "1.4", "ada", True)
    assert decoded == kind_of("distribution").decode(delivery)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_the_snippet_carries_the_secret_as_it_is_and_runs_nothing(secret: str) -> None:
    snippet = kind_of("gitlab").snippet("https://regdex.example/webhooks/git", secret)

    quoted = re.search(r"'Authorization' => \[(\".*\")\]", snippet)
    assert quoted is not None
    assert "#{" not in quoted[1].replace("\\#", "")
    assert json.loads(quoted[1].replace("\\#", "#")) == f"Bearer {secret}"
