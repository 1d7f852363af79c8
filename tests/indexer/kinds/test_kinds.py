"""Every kind of registry says what a kind has to say, and settings that name none, or wrong options, are refused."""

from pathlib import Path

import pytest

from indexer.kinds import KINDS, kind_of, options_of
from regdex.errors import Misconfigured
from regdex.settings import Registry

DOCS = Path(__file__).parents[3] / "docs" / "registries"


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_kind_has_a_name_a_page_and_a_snippet(name: str) -> None:
    kind = kind_of(name)

    assert kind.name == name
    assert (DOCS / f"{name}.md").is_file()
    url = "https://regdex.example/webhooks/prod"
    assert url in kind.snippet(url, "secret")
    assert all(header == header.lower() for header in kind.kept_headers)


def test_unknown_kind_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(Misconfigured, match=r"registries\.prod\.kind: unknown kind 'x'.*distribution, gitlab"):
        options_of(Registry(name="prod", url="http://h", kind="x"))


def test_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(Misconfigured, match=r"registries\.prod\.options: account"):
        options_of(Registry(name="prod", url="http://h", options={"account": "1"}))
