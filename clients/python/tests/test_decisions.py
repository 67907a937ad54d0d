"""The circuit breaker of the calls for decisions."""

import threading

import pytest

from conftest import CONTEXT, until
from stopgate import Client
from stopgate._decisions import Breaker, Rule, _apply_reply
from stopgate.generation import NEVER, Cadence, Step


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


def test_a_reply_about_many_contexts_makes_room_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopgate._decisions._MAX_RULES", 1)
    rule: dict[str, object] = {
        "check_every_tokens": 32,
        "min_tokens": 0,
        "check_growth": 0,
        "control_share": 1,
        "threshold": None,
        "mode": "enforce",
        "warnings": (),
    }
    rules = {"old": Rule(Cadence(), False, 1), "older": Rule(Cadence(), False, 1)}
    with Client("http://127.0.0.1:9", timeout=1) as client:
        generations = [client.generation({**CONTEXT, "task": f"t{number}"}, samples=1) for number in range(4)]
        for one in generations:
            one.steps.append(Step(32, 0.5, {}))
        body = {
            "stop": [],
            "control": [],
            "would_stop": [],
            "probe": [],
            "errors": [],
            "first_step_late": [],
            "asked_early": [],
            "contexts": [rule] * 4,
        }
        assert _apply_reply(body, generations, rules) == []
    assert len(rules) == 4


@pytest.mark.parametrize(("mode", "is_asked"), [("enforce", True), ("shadow", False), ("off", False)])
def test_a_treated_generation_is_asked_again_only_where_it_may_be_stopped(mode: str, is_asked: bool) -> None:
    rule: dict[str, object] = {
        "check_every_tokens": 32, "min_tokens": 0, "check_growth": 0, "control_share": 0.5, "threshold": 0.9,
        "mode": mode, "warnings": (),
    }  # fmt: skip
    body = {
        "stop": [], "control": [0], "would_stop": [], "probe": [], "errors": [], "first_step_late": [],
        "asked_early": [], "contexts": [rule],
    }  # fmt: skip
    with Client("http://127.0.0.1:9", timeout=1) as client:
        control, treated = (client.generation(CONTEXT, samples=1) for _ in range(2))
        for one in (control, treated):
            one.steps.append(Step(32, 0.5, {}))
        rules: dict[str, Rule] = {}
        assert _apply_reply(body, [control, treated], rules) == []
        assert (control.next_check, treated.next_check) == (64, 64 if is_asked else NEVER)
        assert rules[control.context_key].may_stop == is_asked, "a further one is then probed at its first check"
