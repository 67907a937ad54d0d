"""Tells the service whom a local decider has enrolled."""

import json
import threading
import time
from typing import Any, NamedTuple

from ._background import Background
from ._counters import Counters
from ._log import warn
from ._reporter import Post
from .errors import CallFailed

_EVERY_SECONDS = 0.05
_OLDEST_SECONDS = 4.5
_CALL_SECONDS = 1.0
_MOST_IN_CALL = 4096


class _Draw(NamedTuple):
    """What the generations of one call have in common."""

    context: tuple[tuple[str, str], ...]
    epoch: str | None
    share: float


class Enrolments:
    """Posts twenty times a second which generations have started.

    What can't be posted within 4.5 seconds is given up, since the service takes no older draws. These generations are
    no evidence, and go on as they are.
    """

    def __init__(self, post: Post, counters: Counters) -> None:
        self._post, self._counters = post, counters
        self._background = Background("enrolments", self._run)
        self.after_fork()

    def after_fork(self) -> None:
        """What waits is the parent's to send."""
        self._changed = threading.Condition()
        self._waiting: dict[_Draw, tuple[float, list[dict[str, Any]]]] = {}
        self._is_sending = self._is_closed = False
        self._background.after_fork()

    def add(self, context: dict[str, str], epoch: str | None, share: float, generation: dict[str, Any]) -> None:
        """Takes a generation at its first step."""
        draw = _Draw(tuple(context.items()), epoch, share)
        with self._changed:
            self._waiting.setdefault(draw, (time.monotonic(), []))[1].append(generation)
            self._background.ensure()
            self._changed.notify_all()

    def close(self, timeout: float) -> None:
        """Sends what waits, within `timeout` seconds, then ends the thread."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._is_sending, timeout)
            self._is_closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    return
                taken, self._waiting = self._waiting, {}
                self._is_sending = True
            for draw, (since, generations) in taken.items():
                for first in range(0, len(generations), _MOST_IN_CALL):
                    self._send(draw, since, generations[first : first + _MOST_IN_CALL])
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._is_closed, _EVERY_SECONDS)

    def _send(self, draw: _Draw, since: float, generations: list[dict[str, Any]]) -> None:
        body = {"context": dict(draw.context), "epoch": draw.epoch, "share": draw.share, "generations": generations}
        while (age := time.monotonic() - since) < _OLDEST_SECONDS:
            try:
                self._post("/v1/enrolments", json.dumps({**body, "age_ms": 1000 * age}).encode(), _CALL_SECONDS)
                self._counters.enrolled += len(generations)
                return
            except CallFailed as error:
                warn("enrolments", f"generations that have started can't be enrolled: {error}")
                if not error.may_succeed_later:
                    return
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed, 5 * _EVERY_SECONDS)
                if self._is_closed:
                    return
