"""Spares generations the wait for a service that does not answer."""

import random
import threading
import time
from collections.abc import Callable

from ._process import Background
from ._telemetry import logger, warn
from .errors import CallFailed

_FAILURES = 2
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.25, 10.0


class Breaker:
    """Opens after two failed calls in a row, and closes when a ping from the background gets through.

    While it is open nobody asks, so that an outage costs a process two time limits and not one for each step.

    Args:
        ping: calls the service with a time limit; raises CallFailed.
    """

    def __init__(self, ping: Callable[[], None]) -> None:
        self._ping = ping
        self._failures = 0
        self._closing = threading.Event()
        self._background = Background("ping", self._wait)
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether to make no calls. While it is true, a thread pings."""
        if self._is_open:
            self._background.ensure()
        return self._is_open

    def succeeded(self) -> None:
        """A call got its reply."""
        self._failures = 0

    def failed(self) -> None:
        """A call got no usable reply."""
        self._failures += 1
        if self._failures >= _FAILURES and not self._closing.is_set():
            self._is_open = True
            self._background.ensure()

    def after_fork(self) -> None:
        """A child begins anew."""
        self._closing = threading.Event()
        self._background.after_fork()
        self._failures, self._is_open = 0, False

    def close(self) -> None:
        """Ends the pings."""
        self._closing.set()

    def _wait(self) -> None:
        wait, since = _FIRST_WAIT_SECONDS, time.monotonic()
        is_told = warn("away", "the service is away: all generations go on, and nobody asks until it is back")
        while not self._closing.wait(wait * random.uniform(0.5, 1)):
            try:
                self._ping()
            except CallFailed as error:
                is_told |= warn("away", f"the service is still away, so that all generations go on: {error}")
                wait = min(_LONGEST_WAIT_SECONDS, 2 * wait)
            else:
                if is_told:
                    logger.warning("the service answers again, after %.1f s", time.monotonic() - since)
                break
        self._failures, self._is_open = 0, False
