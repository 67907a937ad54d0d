"""Thinking budgets in a bundle: control generations are probed at each, and treated ones are left alone."""

from stopgate._bundle import Bundle
from stopgate.generation import BUDGETS, NEVER, Step

RULE = {
    "threshold": None, "scorer": "tokens", "score_threshold": 512, "mode": "enforce", "check_every_tokens": 32,
    "min_tokens": 0, "check_growth": 0, "label_rate": 1,
}  # fmt: skip
BUNDLE = {
    "format": 1, "salt": "s", "levels": ["model"], "snapshot_version": 1, "rules": [RULE], "predictors": {},
    "weights": [], "others": [], "root": {"rule": 0},
}  # fmt: skip


def test_budgets_are_three_to_an_octave() -> None:
    assert BUDGETS[:7] == (32, 40, 51, 64, 81, 102, 128)
    assert BUDGETS[-1] == 131_072


def test_a_rule_of_budgets() -> None:
    rule = Bundle(BUNDLE).rule_of({}, "")
    assert rule is not None
    assert [rule.cadence.next_check(tokens) for tokens in (0, 32, 100, 131_071, 131_072)] == [
        32,
        40,
        102,
        131_072,
        NEVER,
    ]
    at = Step(tokens=64, confidence=None, signals={})
    assert rule.wants_probe(at, "control", None)
    assert not rule.wants_probe(Step(tokens=31, confidence=1.0, signals={}), "control", None)
    assert not rule.wants_probe(at, "treated", None)
    assert rule.leaves_alone("treated")
    assert not rule.leaves_alone("control")
    assert rule.stops(Step(tokens=512, confidence=None, signals={}), "treated")
    assert not rule.stops(Step(tokens=511, confidence=1.0, signals={}), "treated")
