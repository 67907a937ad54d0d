"""Tells the service whom a local decider has enrolled."""

import json
import time
from typing import Any, NamedTuple

from ._counters import Counters
from ._log import warn
from ._outbox import Outbox
from ._reporter import Post
from .errors import CallFailed

_EVERY_SECONDS = 0.05
_RETRY_SECONDS = 0.25
_OLDEST_SECONDS = 4.5
_CALL_SECONDS = 1.0
_MOST_IN_CALL = 4096


class _Draw(NamedTuple):
    """What the generations of one call have in common."""

    context: tuple[tuple[str, str], ...]
    epoch: str | None
    share: float


_Waiting = dict[_Draw, tuple[float, list[dict[str, Any]]]]


class Enrolments(Outbox[_Waiting]):
    """Posts twenty times a second which generations have started.

    What can't be posted within 4.5 seconds is given up, since the service takes no older draws. These generations are
    no evidence, and go on as they are.
    """

    def __init__(self, post: Post, counters: Counters) -> None:
        self._post, self._counters = post, counters
        super().__init__("enrolments")

    def after_fork(self) -> None:
        """Begins anew."""
        super().after_fork()
        self._waiting: _Waiting = {}

    def add(self, context: dict[str, str], epoch: str | None, share: float, generation: dict[str, Any]) -> None:
        """Takes a generation at its first step."""
        draw = _Draw(tuple(context.items()), epoch, share)
        with self._changed:
            self._waiting.setdefault(draw, (time.monotonic(), []))[1].append(generation)
            self._added()

    def _take(self) -> _Waiting:
        taken, self._waiting = self._waiting, {}
        return taken

    def _send(self, batch: _Waiting) -> None:
        for draw, (since, generations) in batch.items():
            for first in range(0, len(generations), _MOST_IN_CALL):
                self._send_draw(draw, since, generations[first : first + _MOST_IN_CALL])
        self._pause(_EVERY_SECONDS, 0)

    def _send_draw(self, draw: _Draw, since: float, generations: list[dict[str, Any]]) -> None:
        body = {"context": dict(draw.context), "epoch": draw.epoch, "share": draw.share, "generations": generations}
        while (age := time.monotonic() - since) < _OLDEST_SECONDS and not self._is_closed:
            try:
                self._post("/v1/enrolments", json.dumps({**body, "age_ms": 1000 * age}).encode(), _CALL_SECONDS)
                self._counters.enrolled += len(generations)
                return
            except CallFailed as error:
                warn("enrolments", f"generations that have started can't be enrolled: {error}")
                if not error.may_succeed_later:
                    return
            self._pause(_RETRY_SECONDS, _RETRY_SECONDS)
