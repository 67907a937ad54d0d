"""Warnings are throttled."""

import pytest

from conftest import Clock
from stopgate import _telemetry


def test_a_line_says_how_many_were_left_out_before(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    assert [_telemetry.warn("a", "first"), _telemetry.warn("a", "second"), _telemetry.warn("a", "third")] == [
        True,
        False,
        False,
    ]
    assert _telemetry.warn("b", "another kind")
    clock.seconds += 60
    assert _telemetry.warn("a", "fourth")
    said = [record.getMessage() for record in caplog.records]
    assert said == ["first", "another kind", "fourth (and 2 more like it since the last line)"]
