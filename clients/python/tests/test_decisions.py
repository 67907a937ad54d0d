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


def decision(
    arm: str = "control", mode: str = "enforce", threshold: "float | None" = None, **more: object
) -> dict[str, object]:
    """A decision to continue, as the reply to a first step has it."""
    rule: dict[str, object] = {
        "check_every_tokens": 32, "min_tokens": 0, "check_growth": 0, "control_share": 0.5, "threshold": threshold,
        "mode": mode, "warnings": [],
    }  # fmt: skip
    may_stop = threshold is not None and mode == "enforce"
    return {
        "decision": "continue", "arm": arm, "would_stop": False, "probe": False, "threshold": threshold,
        "next_check_tokens": 64 if arm == "control" or may_stop else None, "warnings": [], "rule": rule, **more,
    }  # fmt: skip


def test_a_reply_about_many_contexts_makes_room_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopgate._decisions._MAX_RULES", 1)
    rules = {"old": Rule(Cadence(), False, 1), "older": Rule(Cadence(), False, 1)}
    with Client("http://127.0.0.1:9", timeout=1) as client:
        generations = [client.generation({**CONTEXT, "task": f"t{number}"}, samples=1) for number in range(4)]
        for one in generations:
            one.steps.append(Step(32, 0.5, {}))
        assert _apply_reply({"decisions": [decision()] * 4}, generations, rules) == []
    assert len(rules) == 4


def test_a_step_that_the_service_could_not_read_has_no_decision() -> None:
    problem = {"error": {"path": "/tokens", "message": "must be >= 0"}}
    with Client("http://127.0.0.1:9", timeout=1) as client:
        read, unread = (client.generation(CONTEXT, samples=1) for _ in range(2))
        for one in (read, unread):
            one.steps.append(Step(32, 0.5, {}))
        assert _apply_reply({"decisions": [decision(), problem]}, [read, unread], {}) == [unread]
        assert (read.arm, unread.arm) == ("control", None)


@pytest.mark.parametrize(("mode", "is_asked"), [("enforce", True), ("shadow", False), ("off", False)])
def test_a_treated_generation_is_asked_again_only_where_it_may_be_stopped(mode: str, is_asked: bool) -> None:
    with Client("http://127.0.0.1:9", timeout=1) as client:
        control, treated = (client.generation(CONTEXT, samples=1) for _ in range(2))
        for one in (control, treated):
            one.steps.append(Step(32, 0.5, {}))
        rules: dict[str, Rule] = {}
        body = {"decisions": [decision(arm, mode, 0.9) for arm in ("control", "treated")]}
        assert _apply_reply(body, [control, treated], rules) == []
        assert (control.next_check, treated.next_check) == (64, 64 if is_asked else NEVER)
        assert rules[control.context_key].may_stop == is_asked, "a further one is then probed at its first check"
