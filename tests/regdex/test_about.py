"""What an image says of itself: which of its words count, and that none of them can do harm."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regdex.store.content.about import LABEL_KEYS, MAX_DESCRIPTION, MAX_TEXT, MAX_URL, About, read_about

OCI = "org.opencontainers.image."
OLD = "org.label-schema."


def test_annotations_come_before_labels_and_an_index_before_its_image() -> None:
    places = [{f"{OCI}title": word} for word in ("index", "image", "label", "image's label")]

    # In the order of what counts most; the arguments are annotations, labels, and the same of the image.
    for number in range(4):
        left = [place if at >= number else {} for at, place in enumerate(places)]
        annotations, image_annotations, labels, image_labels = left
        assert read_about(annotations, labels, image_annotations, image_labels).title == places[number][f"{OCI}title"]


def test_every_field_has_its_key() -> None:
    about = read_about(
        {
            f"{OCI}title": "Gateway",
            f"{OCI}description": "Takes payments",
            f"{OCI}source": "https://git.example.com/payments/gateway",
            f"{OCI}url": "https://payments.example.com",
            f"{OCI}documentation": "https://docs.example.com/gateway",
            f"{OCI}licenses": "Apache-2.0",
            f"{OCI}vendor": "Example",
        },
        {},
        {},
        {},
    )

    assert about == About(
        title="Gateway",
        description="Takes payments",
        source_url="https://git.example.com/payments/gateway",
        url="https://payments.example.com",
        documentation_url="https://docs.example.com/gateway",
        licenses="Apache-2.0",
        vendor="Example",
    )


def test_older_labels_count_where_the_new_ones_say_nothing() -> None:
    labels = {
        f"{OCI}description": "  ",
        "description": "plain",
        f"{OLD}description": "older",
        f"{OLD}name": "Name",
        f"{OLD}vcs-url": "https://git.example.com/x",
        f"{OLD}usage": "https://docs.example.com/x",
    }

    about = read_about({}, labels, {}, {})

    assert (about.description, about.title) == ("plain", "Name")
    assert about.source_url == "https://git.example.com/x"
    assert about.documentation_url == "https://docs.example.com/x"
    # Only labels have these keys: in an annotation they mean nothing.
    assert read_about({"description": "plain"}, {}, {}, {}) == About()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.com/x",
        "gateway/docs",
        "https://",
        "https://example.com/a b",
        'https://example.com/"onclick=',
        "https://example.com/<script>",
        "https://example.com/\u202egnp.exe",
        "https://example.com/" + "a" * MAX_URL,
    ],
)
def test_what_is_no_link_is_left_out(url: str) -> None:
    assert read_about({f"{OCI}url": url, f"{OCI}source": url}, {}, {}, {}) == About()


def test_ssh_is_a_source() -> None:
    about = read_about({f"{OCI}source": "ssh://git@git.example.com:2222/x.git"}, {}, {}, {})

    assert about.source_url == "ssh://git@git.example.com:2222/x.git"


def test_text_is_one_line_without_what_a_terminal_obeys() -> None:
    about = read_about({f"{OCI}description": " Takes\r\n\tpayments \x1b[31mfast\x1b[0m \u202e支付\x00"}, {}, {}, {})

    assert about.description == "Takes payments [31mfast[0m 支付"


@given(st.dictionaries(st.sampled_from(LABEL_KEYS), st.text(st.characters(exclude_categories=[]), max_size=300)))
def test_no_words_are_kept_that_cannot_be_stored_or_shown(words: dict[str, str]) -> None:
    about = read_about(words, words, {}, {})

    for text in about:
        assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text)
        text.encode()


def test_long_words_are_cut() -> None:
    about = read_about({f"{OCI}description": "d" * 9999, f"{OCI}title": "t" * 9999}, {}, {}, {})

    assert (len(about.description), len(about.title)) == (MAX_DESCRIPTION, MAX_TEXT)
