"""Logs: secrets never leave, and a newline in a value cannot make a line."""

import logging

import orjson
import pytest
import structlog

from regdex import telemetry


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture(autouse=True)
def _restore_logging() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_values_under_secret_names_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs("info", "json")

    structlog.get_logger().info("called", Authorization="Bearer canary", webhook_secret="canary", registry="prod")

    (line,) = _lines(capsys)
    assert line["Authorization"] == line["webhook_secret"] == "***"
    assert line["registry"] == "prod"


def test_a_newline_in_a_value_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs("info", "json")

    structlog.get_logger().info("called", repository='a\n{"event":"forged"}')

    (line,) = _lines(capsys)
    assert line["event"] == "called"


def test_lines_of_a_request_carry_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs("info", "json")
    value = telemetry.new_request_id()

    structlog.get_logger().info("called")
    telemetry.request_id.set("")

    assert _lines(capsys)[0]["request_id"] == value
