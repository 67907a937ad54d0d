"""Local decisions are those of the service."""

import json
import math
from typing import Any

import pytest

from conftest import ROOT
from stopgate._bundle import GRID, Bundle, second, uniform
from stopgate._hash import murmur3
from stopgate.generation import Arm, Step

VECTORS = json.loads((ROOT / "openapi/vectors.json").read_text())
BUNDLE = Bundle(VECTORS["bundle"])


def arm_of(step: dict[str, Any], share: float) -> Arm:
    arm: Arm | None = step.get("arm")
    name = step.get("group_id", step.get("generation_id"))
    if arm is not None:
        return arm
    assert BUNDLE.salt is not None
    return "control" if name is not None and uniform(BUNDLE.salt, name) < share else "treated"


def test_hashes_draws_and_grid() -> None:
    assert [murmur3(case["text"]) for case in VECTORS["murmur3"]] == [case["hash"] for case in VECTORS["murmur3"]]
    assert [uniform(case["salt"], case["id"]) for case in VECTORS["draws"]] == [case["u"] for case in VECTORS["draws"]]
    assert [second(case["salt"], case["id"]) for case in VECTORS["draws"]] == [
        case["second"] for case in VECTORS["draws"]
    ]
    assert list(GRID) == VECTORS["grid"]


@pytest.mark.parametrize("case", VECTORS["decisions"], ids=range(len(VECTORS["decisions"])))
def test_decision(case: dict[str, Any]) -> None:
    given, said = case["step"], case["decision"]
    context = given.get("context", {})
    rule = BUNDLE.rule_of(context, json.dumps(context))
    assert rule is not None
    step = Step(given["tokens"], given["confidence"], given.get("signals", {}))
    arm = arm_of(given, rule.share)
    assert rule.threshold == said["threshold"]
    is_stoppable = given["tokens"] >= given.get("due_tokens", 0) and "retry_of" not in given
    stop = is_stoppable and rule.stops(step, arm)
    probe = rule.wants_probe(step, arm, given.get("probed_score"))
    due = rule.cadence.next_check(step.tokens)
    told = {"stop": stop, "arm": arm, "probe": probe, "next": None if rule.leaves_alone(arm) else due}
    assert told == {
        "stop": said["decision"] == "stop", "arm": said["arm"], "probe": said["probe"], "next": said["next_check_tokens"],
    }  # fmt: skip
    if rule.scorer is not None and step.confidence is not None:
        score = rule.scorer.score(step.tokens, step.confidence, step.signals)
        assert score is not None and math.isclose(score, said["score"], rel_tol=1e-12)


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 2"):
        Bundle({**VECTORS["bundle"], "format": 2})


def test_a_context_outside_of_the_bundle_has_no_rule() -> None:
    narrow = Bundle({**VECTORS["bundle"], "root": {"below": {"q": {"rule": 1}}}})
    assert narrow.rule_of({"model": "r"}, "r") is None
    assert narrow.rule_of({"model": "q", "task": "any"}, "q") is not None
