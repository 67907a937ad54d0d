"""Sends outcomes and labels in the background, in order, each until the service has it or refuses it."""

import random
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from ._counters import Counters
from ._log import warn
from ._outbox import Outbox
from .errors import CallFailed

_MOST_BYTES = 64 * 2**20
_BATCH_ITEMS, _BATCH_BYTES = 256, 2**20
_CALL_SECONDS = 5.0
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.2, 15.0

Post = Callable[[str, bytes, float], Any]


class Report(NamedTuple):
    """An outcome, or the label of one."""

    generation_id: str
    body: bytes
    is_label: bool = False


class Reporter(Outbox[list[Report]]):
    """A bounded queue with one thread. `put()` never waits for the service.

    Args:
        post: posts a body to a path within so many seconds, and returns the reply; raises CallFailed.
        capacity: outcomes and labels that may wait; beyond it, or beyond 64 MiB, the oldest are dropped.
        counters: where to count.
        on_receipt: gets the id of each stored outcome and what the service says about it, in the background.
    """

    def __init__(
        self, post: Post, capacity: int, counters: Counters, on_receipt: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._post, self._capacity, self._counters, self._on_receipt = post, capacity, counters, on_receipt
        super().__init__("reports")

    def after_fork(self) -> None:
        """Begins anew."""
        super().after_fork()
        self._waiting: deque[Report] = deque()
        self._bytes = 0

    def put(self, report: Report) -> None:
        """Takes a report. It is dropped where the end has come."""
        with self._changed:
            if self._is_closed:
                self._counters.dropped += 1
                warn("closed", "the client is closed: what is reported after that is lost")
                return
            self._waiting.append(report)
            self._bytes += len(report.body)
            while self._waiting and (len(self._waiting) > self._capacity or self._bytes > _MOST_BYTES):
                self._bytes -= len(self._waiting.popleft().body)
                self._counters.dropped += 1
                warn("dropped", "the queue of reports is full: the oldest are dropped")
            self._added()

    def close(self, timeout: float) -> bool:
        """As `Outbox.close()`, and sends again at once what has to wait."""
        is_sent = super().close(timeout)
        if not is_sent:
            warn("unsent", "reports were not sent before the end")
        return is_sent

    def _take(self) -> list[Report]:
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
                warn(f"report {error.status}", f"reports wait, since the service does not take them: {error}")
                self._pause(max(error.retry_after or 0.0, wait * random.uniform(0.5, 1)), _FIRST_WAIT_SECONDS)
                wait = min(_LONGEST_WAIT_SECONDS, 2 * wait)

    def _send_label(self, label: Report) -> None:
        self._post(f"/v1/outcomes/{quote(label.generation_id, safe='')}/label", label.body, _CALL_SECONDS)
        self._counters.reported += 1

    def _send_outcomes(self, batch: list[Report]) -> None:
        body = b'{"outcomes":[' + b",".join(report.body for report in batch) + b"]}"
        reply = self._post("/v1/outcomes/batch", body, _CALL_SECONDS)
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
