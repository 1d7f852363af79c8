"""Configs of images and Helm charts: what they add, and what of them is cut or refused (E07)."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from indexer.manifest import Content, with_config
from tests.indexer.manifest.test_parsing import CONFIG, ONE, image, index, parse

HELM = "application/vnd.cncf.helm.config.v1+json"
CREATED = "org.opencontainers.image.created"
BUILT = datetime(2026, 11, 1, 10, tzinfo=UTC)


def config(**fields: Any) -> Content:
    return with_config(parse(image()), orjson.dumps({"os": "linux", "architecture": "amd64", **fields}))


def test_labels_are_cut_in_number_and_in_length() -> None:
    many = config(config={"Labels": {f"l{number}": "x" for number in range(100_000)}})
    assert (len(many.labels), many.truncated) == (256, True)
    long = config(config={"Labels": {"a": "x" * 1_000_000, "b": "y"}})
    assert (len(long.labels["a"]), long.labels["b"], long.truncated) == (4096, "y", True)
    heavy = config(config={"Labels": {f"l{number}": "x" * 4000 for number in range(200)}})
    assert sum(map(len, heavy.labels.values())) < 70_000
    assert heavy.truncated


def test_labels_that_are_no_text_are_left_out() -> None:
    assert config(config={"Labels": {"a": 1, "b": None, "c": "d", "e": ["f"]}}).labels == {"c": "d"}
    assert config(config={"Labels": ["a"]}).labels == {}
    assert config(config=None).labels == {}


def test_history_is_cut() -> None:
    long = config(history=[{"created_by": "x" * 10_000}] + [{}] * 1_000_000)
    assert (len(long.history), long.truncated) == (256, True)
    assert len(long.history[0]["created_by"]) == 4096
    assert config(history=[7, None, {"created": 7, "empty_layer": "yes"}]).history == (
        {"created_at": None, "created_by": "", "comment": "", "empty_layer": False},
    )


@pytest.mark.parametrize(
    "created",
    ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1980-01-01T00:00:00Z", "1989-12-31T23:59:59Z",
     "2100-01-01T00:00:00Z", "2262-04-11T23:47:16.854775807Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59",
     "0001-01-01T00:00:00+23:59", "not a date", "", 7, None, [], "2026-13-01T00:00:00Z", "2026-01-01T00:00:00Z" * 99],
)  # fmt: skip
def test_times_that_cannot_be_true_are_none(created: object) -> None:
    assert config(created=created).created_at is None


def test_times_are_read_to_the_nanosecond_in_any_zone() -> None:
    expected = datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert config(created="2026-11-01T10:00:00.123456789Z").created_at == expected
    assert config(created="2026-11-01T12:00:00.123456789+02:00").created_at == expected
    assert config(created="2026-11-01t10:00:00.123456789z").created_at == expected


@pytest.mark.parametrize("diff_ids", [["x"], [7], [ONE["digest"]] * 2, "x", {"a": 1}])
def test_diff_ids_that_do_not_fit_leave_it_incomplete(diff_ids: object) -> None:
    full = config(rootfs={"diff_ids": diff_ids})
    assert (full.state, full.problem) == ("incomplete", "config_mismatch")
    assert full.layers[0].diff_id is None
    assert str(full.platform) == "linux/amd64"


def test_config_that_is_no_config_leaves_it_incomplete() -> None:
    full = with_config(parse(image()), b"<html>")
    assert (full.state, full.problem) == ("incomplete", "config_malformed")


def test_nul_never_reaches_the_database() -> None:
    odd = {"a\x00": "b\x00"}
    parsed = parse(image(annotations=odd, artifactType="a\x00b", layers=[{**ONE, "mediaType": "x\x00"}]))
    full = with_config(
        parsed, orjson.dumps({"os": "l\x00", "config": {"Labels": odd}, "history": [{"created_by": "\x00x"}]})
    )
    assert b"\\u0000" not in orjson.dumps(full, default=str)
    assert full.labels == {"a": "b"}


@pytest.mark.parametrize("created", [None, "0001-01-01T00:00:00Z", "1980-01-01T00:00:00Z", "yesterday"])
def test_annotation_says_when_an_image_was_created_where_its_config_does_not(created: object) -> None:
    annotated = parse(image(annotations={CREATED: "2026-11-01T11:00:00+01:00"}))
    assert annotated.created_at == BUILT
    assert with_config(annotated, orjson.dumps({"created": created})).created_at == BUILT
    assert with_config(annotated, orjson.dumps({"created": "2025-01-01T00:00:00Z"})).created_at == datetime(
        2025, 1, 1, tzinfo=UTC
    )


def test_annotation_says_when_an_index_or_an_artifact_was_created() -> None:
    annotations = {CREATED: "2026-11-01T10:00:00Z"}
    assert parse(index(ONE, annotations=annotations)).created_at == BUILT
    assert parse(image(artifactType="x/y", annotations=annotations)).created_at == BUILT
    assert parse(image(annotations={CREATED: "1970-01-01T00:00:00Z"})).created_at is None


def chart(document: object) -> Content:
    parsed = parse(image(config={**CONFIG, "mediaType": HELM}))
    return with_config(parsed, document if isinstance(document, bytes) else orjson.dumps(document))


def test_words_of_a_helm_chart_are_kept_as_labels() -> None:
    read = chart(
        {"name": "gateway", "version": "1.2.3+build.7", "description": "Takes payments", "appVersion": "9.1",
         "home": "https://example.com", "apiVersion": "v2", "keywords": ["a"], "type": "application"}
    )  # fmt: skip
    assert (read.state, read.artifact_type, read.created_at) == ("complete", HELM, None)
    assert read.labels == {
        "org.opencontainers.image.title": "gateway",
        "org.opencontainers.image.version": "1.2.3+build.7",
        "org.opencontainers.image.description": "Takes payments",
        "org.opencontainers.image.url": "https://example.com",
        "appVersion": "9.1",
    }


def test_odd_helm_charts_keep_what_is_text() -> None:
    assert chart({"name": 7, "version": None, "description": "", "appVersion": ["1"]}).labels == {}
    long = chart({"description": "x" * 10_000})
    assert (len(long.labels["org.opencontainers.image.description"]), long.truncated) == (4096, True)
    assert (chart(b"<html>").state, chart(b"<html>").problem) == ("incomplete", "config_malformed")


def test_layers_of_a_chart_get_no_ids_from_its_config() -> None:
    read = chart({"name": "x", "rootfs": {"diff_ids": [ONE["digest"], ONE["digest"]]}})
    assert (read.state, read.layers[0].diff_id) == ("complete", None)
