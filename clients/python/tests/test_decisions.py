"""The circuit breaker of the calls for decisions."""

import threading

from conftest import until
from stopgate._decisions import Breaker


def test_a_ping_that_raises_does_not_leave_the_breaker_open() -> None:
    broken = [RuntimeError("once")]
    told: list[object] = []

    def ping() -> None:
        if broken:
            raise broken.pop()

    before, threading.excepthook = threading.excepthook, told.append
    try:
        one = Breaker(ping)
        one.failed()
        one.failed()
        assert one.is_open
        until("it is closed", lambda: not one.is_open)
    finally:
        threading.excepthook = before
    assert len(told) == 1
