"""Warnings are throttled."""

import pytest

from stopgate import _log


def test_a_line_says_how_many_were_left_out_before(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    assert [_log.warn("a", "first"), _log.warn("a", "second"), _log.warn("a", "third")] == [True, False, False]
    assert _log.warn("b", "another kind")
    now += 60
    assert _log.warn("a", "fourth")
    said = [record.getMessage() for record in caplog.records]
    assert said == ["first", "another kind", "fourth (and 2 more like it since the last line)"]
