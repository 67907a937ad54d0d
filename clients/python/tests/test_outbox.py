"""The queue of reports sends each report once and in order, or drops it first."""

import json
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopgate._outbox import Report, Reporter
from stopgate._telemetry import Counters
from stopgate.errors import CallFailed


class Taker:
    """A service that takes, refuses or misses calls in an order that is given, and then takes all."""

    def __init__(self, faults: "list[int | None]") -> None:
        self.faults, self.taken = faults, list[str]()
        self.may_take = threading.Event()

    def post(self, path: str, body: bytes, timeout: float) -> Any:
        self.may_take.wait(30)
        if self.faults and (status := self.faults.pop(0)) != 200:
            raise CallFailed("no", status, retry_after=0.0) from (OSError() if status is None else None)
        if path.endswith("/label"):
            self.taken.append(path)
            return {}
        outcomes = json.loads(body)["outcomes"]
        self.taken += [one["id"] for one in outcomes]
        return {"rejected": [], "outcomes": [{"label_wanted": False}] * len(outcomes)}


def reporter(taker: Taker, capacity: int, counters: Counters, monkeypatch: Any = None) -> Reporter:
    return Reporter(taker.post, capacity, counters, lambda id, receipt: None)


reports = st.lists(st.booleans(), max_size=40)


@settings(max_examples=30, deadline=None)
@given(reports, st.lists(st.sampled_from([503, 429, None]), max_size=2), st.integers(1, 50))
def test_every_report_is_taken_once_in_order_or_was_dropped_first(
    labels: list[bool], faults: "list[int | None]", capacity: int
) -> None:
    taker, counters = Taker(faults), Counters()
    one = reporter(taker, capacity, counters)
    sent = []
    for i, is_label in enumerate(labels):
        sent.append(f"/v1/outcomes/{i}/label" if is_label else str(i))
        one.put(Report(str(i), json.dumps({"id": str(i)}).encode(), is_label))
    taker.may_take.set()
    assert one.close(30)
    kept = iter(sent)
    assert all(name in kept for name in taker.taken), "in order"
    assert len(set(taker.taken)) == len(taker.taken), "once"
    assert len(taker.taken) + counters.dropped == len(sent)
    assert counters.reported == len(taker.taken)
    assert counters.dropped <= max(0, len(sent) - capacity)


def test_a_report_refused_for_good_is_not_sent_again() -> None:
    taker, counters = Taker([400, 200]), Counters()
    one = reporter(taker, 10, counters)
    taker.may_take.set()
    one.put(Report("a", b'{"id":"a"}'))
    assert one.flush(30)
    one.put(Report("b", b'{"id":"b"}'))
    assert one.close(30)
    assert (taker.taken, counters.rejected, counters.reported) == (["b"], 1, 1)


def test_putting_never_waits_for_the_service() -> None:
    taker, counters = Taker([]), Counters()
    one = reporter(taker, 100, counters)
    for i in range(1000):
        one.put(Report(str(i), b'{"id":"%d"}' % i))
    assert counters.dropped >= 900 - 256
    assert not one.flush(0)
    taker.may_take.set()
    assert one.close(30)
    assert taker.taken[-1] == "999"


def test_reports_are_sent_again_after_replies_without_receipts() -> None:
    taker, counters = Taker([]), Counters()
    taker.may_take.set()
    replies: list[Any] = [{}, [], {"rejected": [], "outcomes": []}]
    one = Reporter(
        lambda *call: replies.pop(0) if replies else taker.post(*call), 10, counters, lambda id, receipt: None
    )
    one.put(Report("a", b'{"id":"a"}'))
    assert one.close(30)
    assert (taker.taken, counters.reported) == (["a"], 1)


def test_the_end_does_not_wait_for_a_service_that_is_down() -> None:
    taker, counters = Taker([None] * 1000), Counters()
    taker.may_take.set()
    one = reporter(taker, 10, counters)
    one.put(Report("g", b"{}"))
    assert not one.close(600), "or the test would take ten minutes"
    assert len(taker.faults) > 980


def test_a_report_after_the_end_is_dropped_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    taker, counters = Taker([]), Counters()
    one = reporter(taker, 10, counters)
    assert one.close(30)
    one.put(Report("late", b'{"id":"late"}'))
    assert one.flush(30), "nothing waits"
    assert (counters.dropped, "the client is closed" in caplog.text) == (1, True)
