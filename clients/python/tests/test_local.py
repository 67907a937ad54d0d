"""Checks that a local client does without, since nothing can be stopped."""

import json
from typing import Any

import pytest

from conftest import ROOT
from stopgate import _clock
from stopgate._bundle import Bundle, keyed, second, uniform
from stopgate._local import LocalDecider
from stopgate._outcome import outcome_of
from stopgate._telemetry import Counters
from stopgate.generation import NEVER, Ending, Generation, Probe

VECTORS = json.loads((ROOT / "openapi/vectors.json").read_text())


VERSION = VECTORS["bundle"]["snapshot_version"]
CONTEXTS = [decision["step"].get("context", {}) for decision in VECTORS["decisions"]]


class Enrolled(list[Any]):
    def add(self, *draw: Any) -> None:
        self.append(draw)


class Backend:
    """Asks a local decider, and keeps the outcomes."""

    def __init__(self, share: float, threshold: float | None) -> None:
        rule = {**VECTORS["bundle"]["rules"][0], "threshold": threshold, "mode": "enforce", "min_tokens": 0}
        for name in ("scorer", "score_threshold"):
            rule.pop(name, None)
        body = {**VECTORS["bundle"], "rules": [{**rule, "check_every_tokens": 32, "check_growth": 0, "label_rate": 1}]}
        self.enrolled, self.reported, self.counters = Enrolled(), list[Any](), Counters()
        self.local = LocalDecider(None, "*", 60, self.enrolled)  # type: ignore[arg-type]
        self.local._bundle = Bundle({**body, "root": {"rule": 0, "control_share": share}})
        self.local._renewed_at = _clock.now()
        self.local._closing.set()  # there is nothing to renew it from

    def cadence_of(self, generation: Generation) -> Any:
        return self.local.cadence_of(generation)

    def skip_check(self, generation: Generation, tokens: int) -> bool:
        return self.local.leaves_alone(generation, tokens)

    def report_outcome(self, generation: Generation, ending: Any) -> None:
        self.reported.append((generation, ending))


def generation_of(backend: Any, id: str = "one") -> Generation:
    return Generation(backend, id, {}, None, None, None, None)


def test_a_treated_generation_needs_no_probe_while_nothing_is_in_force() -> None:
    backend = Backend(share=0, threshold=None)
    one = generation_of(backend)
    assert one.next_check == 32
    assert not one.due(32)
    assert (one.arm, one.next_check) == ("treated", NEVER)
    assert not one.due(1000)
    one.finish("42", tokens=1000)
    assert len(backend.reported) == 1, "it is reported, since it was drawn"


def test_the_arm_of_a_prompt_is_drawn_from_a_hash_that_nobody_knows_without_the_salt() -> None:
    backend = Backend(share=1.0, threshold=0.9)
    marked = [generation_of(backend, id) for id in ("one", "two")]
    for one in marked:
        one.mark_prompt("prompt")
    (known,) = {one.prompt_hash for one in marked}
    assert all(one.due(32) for one in marked)
    (hashed,) = {one.prompt_hash for one in marked}
    assert known is not None and hashed == keyed(VECTORS["bundle"]["salt"], known) != known
    assert [draw[3]["prompt_hash"] for draw in backend.enrolled] == [hashed, hashed]


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_a_treated_generation_needs_no_probe_in_a_mode_that_stops_nothing(mode: str) -> None:
    for share, arm in ((0.0, "treated"), (1.0, "control")):
        backend = Backend(share, threshold=0.9)
        body: Any = backend.local._bundle._body  # type: ignore[union-attr]
        backend.local._bundle = Bundle({**body, "rules": [{**body["rules"][0], "mode": mode}]})
        one = generation_of(backend)
        assert one.due(32) == (arm == "control") and one.arm == arm


def test_a_control_generation_and_one_with_a_threshold_are_probed() -> None:
    for share, threshold, arm in ((1.0, None, "control"), (0.0, 0.9, "treated")):
        backend = Backend(share, threshold)
        one = generation_of(backend)
        assert one.due(32)
        assert one.arm == arm
        assert len(backend.enrolled) == share
        one.observe(32, Probe("42", 0.5, tokens=4))
        assert one.due(64)


def test_a_control_generation_knows_where_it_would_have_been_stopped() -> None:
    backend = Backend(share=1.0, threshold=0.9)
    one = generation_of(backend)
    for tokens, confidence in ((32, 0.5), (64, 0.95), (96, 0.99)):
        assert one.due(tokens)
        one.observe(tokens, Probe("42", confidence))
        assert backend.local.decide([one]) == [] and not one.stopped
    assert one.crossing is one.steps[1] and (one.arm, one.control_share) == ("control", 1.0)


def test_nothing_is_crossed_by_a_threshold_that_came_late() -> None:
    backend, later = Backend(share=1.0, threshold=None), Backend(share=1.0, threshold=0.9)
    one = generation_of(backend)
    one.observe(32, Probe("42", 0.99))
    assert backend.local.decide([one]) == []
    assert later.local.decide([one.observe(64, Probe("42", 0.99))]) == []
    assert one.crossing is None, "a treated one would not have been asked about again"


def test_the_outcome_of_a_stop_states_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalDecider, "is_usable", True)
    backend = Backend(share=0.0, threshold=0.9)
    for confidence, stopped_by in ((0.8, None), (0.95, {"score": 0.95, "threshold": 0.9, "snapshot_version": VERSION})):
        one = generation_of(backend)
        assert one.due(32)
        one.observe(32, Probe("42", confidence, tokens=4))
        assert backend.local.decide([one]) == []
        assert outcome_of(one, Ending("42", 40)).get("stopped_by") == stopped_by


def test_the_decision_names_the_predictor_that_gave_the_score() -> None:
    bundle = Bundle(VECTORS["bundle"])
    rules = [bundle._find(context) for context in CONTEXTS]
    scored = [rule for rule in rules if rule is not None and rule.scorer is not None]
    assert scored and all(rule.scorer is not None and rule.scorer.name for rule in scored)


def test_draws_that_label_rate_leaves_out_are_not_sent_to_enrol() -> None:
    backend = Backend(0.25, 0.9)
    body: Any = backend.local._bundle._body  # type: ignore[union-attr]
    backend.local._bundle = Bundle({**body, "rules": [{**body["rules"][0], "label_rate": 0.5}]})
    needed = set[str]()
    for number in range(400):
        one = generation_of(backend, f"g{number}")
        one.due(32)
        salt = body["salt"]
        if uniform(salt, one.id) < 0.25 and second(salt, one.id) < 0.5:
            needed.add(one.id)
    assert 25 < len(needed) < 80
    assert {draw[3]["generation_id"] for draw in backend.enrolled} == needed
