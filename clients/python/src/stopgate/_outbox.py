"""Queues that a thread sends in the background: outcomes and labels, and enrolments."""

import json
import random
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sized
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from . import _clock
from ._process import Background
from ._telemetry import Counters, warn
from .errors import CallFailed

Batch = TypeVar("Batch")
Waiting = TypeVar("Waiting", bound=Sized)
Post = Callable[[str, bytes, float], Any]
"""Posts a body to a path within so many seconds, and returns the reply. Raises CallFailed."""


_LAST_ATTEMPTS = 3


class Outbox(ABC, Generic[Waiting, Batch]):
    """Sends batch after batch in a daemon thread.

    `_waiting` and the flags change only while `_changed` is held.

    Args:
        name: of the thread.
    """

    _waiting: Waiting

    def __init__(self, name: str) -> None:
        self._background = Background(name, self._run)
        self.after_fork()

    def after_fork(self) -> None:
        """Empties the queue: the parent sends what it holds."""
        self._changed = threading.Condition()
        self._is_sending = self._is_closing = self._is_closed = False
        self._unreached = 0
        self._background.after_fork()

    def flush(self, timeout: float) -> bool:
        """Waits until all is sent. Returns whether it was, within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(self._is_empty, timeout)

    def _is_empty(self) -> bool:
        return not self._waiting and not self._is_sending

    def close(self, timeout: float) -> bool:
        """Flushes, then ends the thread. Returns whether all was sent, within `timeout` seconds.

        It waits no longer once nobody has answered three attempts in a row.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._unreached >= _LAST_ATTEMPTS or self._is_empty(), timeout)
            is_sent = self._is_empty()
            self._is_closed = True
            self._changed.notify_all()
        return is_sent

    @abstractmethod
    def _take(self) -> Batch:
        """Takes the next batch from the queue."""

    @abstractmethod
    def _send(self, batch: Batch) -> None:
        """Sends a batch, or gives it up. Returns soon once the outbox is closed."""

    def _added(self) -> None:
        """Starts the thread after something was added. Call it while `_changed` is held."""
        self._background.ensure()
        self._changed.notify_all()

    def _pause(self, seconds: float, closing_seconds: float) -> None:
        """Waits in the thread; while the outbox is closing, for `closing_seconds` at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing, seconds)
            if self._is_closing:
                self._changed.wait_for(lambda: self._is_closed, closing_seconds)

    def _failed(self, error: CallFailed) -> None:
        """Ends the wait of `close()` if nobody answers."""
        with self._changed:
            is_unreached = isinstance(error.__cause__, OSError)
            self._unreached = self._unreached + 1 if self._is_closing and is_unreached else 0
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    return
                batch = self._take()
                self._is_sending = True
            try:
                self._send(batch)
            finally:
                with self._changed:
                    self._is_sending = False
                    self._changed.notify_all()


_MOST_BYTES = 64 * 2**20
_BATCH_ITEMS, _BATCH_BYTES = 256, 2**20
_REPORT_CALL_SECONDS = 5.0
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.2, 15.0


class Report(NamedTuple):
    """An outcome, or the label of one."""

    generation_id: str
    body: bytes
    is_label: bool = False


class Reporter(Outbox[deque[Report], list[Report]]):
    """Sends outcomes and labels in order, each until the service accepts or refuses it. `put()` never waits for it.

    Args:
        post: calls the service.
        capacity: outcomes and labels that may wait; beyond it, or beyond 64 MiB, the oldest are dropped.
        counters: where to count.
        on_receipt: called in the background with the id of each stored outcome and the receipt of the service.
    """

    def __init__(
        self, post: Post, capacity: int, counters: Counters, on_receipt: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._post, self._capacity, self._counters, self._on_receipt = post, capacity, counters, on_receipt
        super().__init__("reports")

    def after_fork(self) -> None:
        """Empties the queue: the parent sends what it holds."""
        super().after_fork()
        self._waiting = deque()
        self._bytes = 0

    def put(self, report: Report) -> None:
        """Queues a report. A closed reporter drops it."""
        with self._changed:
            if self._is_closed:
                self._counters.dropped += 1
                warn("closed", "the client is closed: later reports are lost")
                return
            self._waiting.append(report)
            self._bytes += len(report.body)
            while self._waiting and (len(self._waiting) > self._capacity or self._bytes > _MOST_BYTES):
                self._bytes -= len(self._waiting.popleft().body)
                self._counters.dropped += 1
                warn("dropped", "the queue of reports is full: the oldest are dropped")
            self._added()

    def close(self, timeout: float) -> bool:
        """As `Outbox.close()`. A report that is waiting for its next attempt is sent immediately."""
        is_sent = super().close(timeout)
        if not is_sent:
            warn("unsent", "reports were not sent before the end")
        return is_sent

    def _take(self) -> list[Report]:
        """A label, or as many consecutive outcomes as fit in one call."""
        batch = [self._waiting.popleft()]
        size = len(batch[0].body)
        while self._waiting and not batch[0].is_label and len(batch) < _BATCH_ITEMS:
            size += len(self._waiting[0].body)
            if self._waiting[0].is_label or size > _BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        self._bytes -= sum(len(report.body) for report in batch)
        return batch

    def _send(self, batch: list[Report]) -> None:
        wait = _FIRST_WAIT_SECONDS
        while not self._is_closed:
            try:
                if batch[0].is_label:
                    self._send_label(batch[0])
                else:
                    self._send_outcomes(batch)
                return
            except CallFailed as error:
                if not error.may_succeed_later:
                    self._counters.rejected += len(batch)
                    warn(f"refused {error.status}", f"{len(batch)} reports were refused: {error}")
                    return
                self._failed(error)
                warn(f"report {error.status}", f"reports wait, since stopgate does not take them: {error}")
                self._pause(max(error.retry_after or 0.0, wait * random.uniform(0.5, 1)), _FIRST_WAIT_SECONDS)
                wait = min(_LONGEST_WAIT_SECONDS, 2 * wait)

    def _send_label(self, label: Report) -> None:
        self._post(f"/v1/outcomes/{quote(label.generation_id, safe='')}/label", label.body, _REPORT_CALL_SECONDS)
        self._counters.reported += 1

    def _send_outcomes(self, batch: list[Report]) -> None:
        body = b'{"outcomes":[' + b",".join(report.body for report in batch) + b"]}"
        reply = self._post("/v1/outcomes/batch", body, _REPORT_CALL_SECONDS)
        try:
            rejected, receipts = reply["rejected"], list(zip(batch, reply["outcomes"], strict=True))
        except (KeyError, TypeError, ValueError) as error:
            raise CallFailed(f"the reply has no receipts: {error!r}") from error
        for problem in rejected:
            id, path, message = batch[problem["index"]].generation_id, problem["path"], problem["message"]
            warn(f"outcome {message}", f"the outcome of {id} was refused: {path} {message}")
        self._counters.rejected += len(rejected)
        self._counters.reported += len(batch) - len(rejected)
        for report, receipt in receipts:
            if receipt is not None:
                self._on_receipt(report.generation_id, receipt)


_ENROL_EVERY_SECONDS = 0.05
_ENROL_RETRY_SECONDS = 0.25
_ENROL_CALL_SECONDS = 1.0
_OLDEST_SECONDS = 4.5
"""The service accepts no older draws."""
_MOST_IN_CALL = 4096


class _Draw(NamedTuple):
    """The fields that the generations of one call share."""

    context: tuple[tuple[str, str], ...]
    epoch: str | None
    share: float


class _Batch:
    """The draws of a context, epoch and share for the next call."""

    def __init__(self) -> None:
        self.since = _clock.now()
        self.generations: list[dict[str, Any]] = []


_Started = dict[_Draw, _Batch]
"""By draw: when the first of its generations was added, and these generations."""


class Enrolments(Outbox[_Started, _Started]):
    """Reports to the service, 20 times a second, the generations that a local decider has enrolled.

    An enrolment that cannot be posted within 4.5 seconds is given up. Its generation is not evidence, but continues.
    """

    def __init__(self, post: Post, counters: Counters) -> None:
        self._post, self._counters = post, counters
        super().__init__("enrolments")

    def after_fork(self) -> None:
        """Empties the queue: the parent sends what it holds."""
        super().after_fork()
        self._waiting = {}

    def add(self, context: dict[str, str], epoch: str | None, share: float, generation: dict[str, Any]) -> None:
        """Queues a generation at its first step."""
        with self._changed:
            draw = _Draw(tuple(context.items()), epoch, share)
            self._waiting.setdefault(draw, _Batch()).generations.append(generation)
            self._added()

    def _take(self) -> _Started:
        taken, self._waiting = self._waiting, {}
        return taken

    def _send(self, batch: _Started) -> None:
        for draw, started in batch.items():
            for first in range(0, len(started.generations), _MOST_IN_CALL):
                self._send_draw(draw, started.since, started.generations[first : first + _MOST_IN_CALL])
        self._pause(_ENROL_EVERY_SECONDS, 0)

    def _send_draw(self, draw: _Draw, since: float, generations: list[dict[str, Any]]) -> None:
        body: dict[str, Any] = {
            "context": dict(draw.context), "epoch": draw.epoch, "share": draw.share, "generations": generations,
        }  # fmt: skip
        while (age := _clock.now() - since) < _OLDEST_SECONDS and not self._is_closed:
            try:
                self._post("/v1/enrolments", json.dumps({**body, "age_ms": 1000 * age}).encode(), _ENROL_CALL_SECONDS)
                self._counters.enrolled_locally += len(generations)
                return
            except CallFailed as error:
                warn("enrolments", f"stopgate can't enrol generations that have started: {error}")
                if not error.may_succeed_later:
                    return
                self._failed(error)
            self._pause(_ENROL_RETRY_SECONDS, _ENROL_RETRY_SECONDS)
