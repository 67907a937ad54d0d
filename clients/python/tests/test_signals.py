"""Signals have the values that docs/concepts/predictors.md defines."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgate import Signals, confidence, entropy


def test_values() -> None:
    signals, certain = Signals(), [[0.0], [-math.inf, 0.0]]
    still = {"marker_density": 0.0}
    assert signals.add("4", None, [], "", 0) == {"answer_streak": 1, "vote_share": 1, **still}
    assert signals.add("5", confidence([math.log(0.5)] * 2), certain, "Wait, hmm.", 50) == {
        "entropy": 0, "answer_streak": 1, "confidence_delta": 0, "confidence_max": 0.5, "vote_share": 0.5, "marker_density": 4,
    }  # fmt: skip
    assert signals.add("5", 0.25, certain, "so", 10) == {
        "entropy": 0, "answer_streak": 2, "confidence_delta": -0.25, "confidence_max": 0.5, "vote_share": 2 / 3, **still,
    }  # fmt: skip
    assert signals.add("5") == {"answer_streak": 3, "confidence_max": 0.5, "vote_share": 0.75}


@given(st.lists(st.sampled_from("123"), min_size=1, max_size=30))
def test_streak_and_vote_are_those_of_all_answers_so_far(answers: list[str]) -> None:
    signals = Signals()
    said = [signals.add(answer) for answer in answers][-1]
    assert said["vote_share"] == max(map(answers.count, answers)) / len(answers)
    assert set(answers[-int(said["answer_streak"]) :]) == {answers[-1]}
    assert said["answer_streak"] == len(answers) or answers[-int(said["answer_streak"]) - 1] != answers[-1]


def test_without_tokens_nothing_is_known() -> None:
    assert confidence([]) is None
    assert entropy([]) is None


def test_the_remaining_probability_counts_as_one_more_token() -> None:
    assert entropy([[math.log(0.5)]]) == pytest.approx(math.log(2))
