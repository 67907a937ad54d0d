"""The outcome that is reported of a generation."""

import json
from fractions import Fraction
from typing import Any

import pytest

from stopgate import Client, Generation, Probe
from stopgate._decisions import batch_of
from stopgate._outcome import outcome_of
from stopgate.generation import Ending, prompt_hash_of

CONTEXT = {"model": "q"}


class Number:
    """Like an integer of NumPy, which json cannot write."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __int__(self) -> int:
        return self._value

    def __float__(self) -> float:
        return float(self._value)


@pytest.fixture
def control() -> Generation:
    one = Client("http://127.0.0.1:9", exit_seconds=0).generation(CONTEXT, "g")
    one.arm = "control"
    return one


def outcome(one: Generation, answer: str | None = "4", **more: Any) -> dict[str, Any]:
    return outcome_of(one, Ending(answer, 100, **more))


def test_the_cost_of_asking_is_separate_from_the_cost_of_grading(control: Generation) -> None:
    control.observe(32, Probe("4", 0.5, tokens=3, prefill_tokens=9))
    control.observe(64, confidence=0.6)
    control.probed(Probe("4", tokens=5))
    said = outcome(control)
    assert (said["probe_tokens"], said["probe_prefill_tokens"]) == (8, 9)
    assert [step["probe_tokens"] for step in said["steps"]] == [3, 0]


def test_counts_may_be_integers_of_numpy() -> None:
    one: Any = Client("http://127.0.0.1:9", exit_seconds=0)
    run = one.generation(CONTEXT, group="q", sample=Number(1), samples=Number(8))
    run.observe(Number(32), Probe("4", Number(1), tokens=Number(3), prefill_tokens=Number(9)))  # type: ignore[arg-type]
    batch_of([run])
    assert json.loads(json.dumps(outcome(run)))["probe_tokens"] == 3
    assert one.counters.probe_tokens == 3


def test_unknown_costs_are_not_reported(control: Generation) -> None:
    control.observe(32, Probe("4", 0.5))
    said = outcome(control)
    assert "probe_tokens" not in said and "probe_tokens" not in said["steps"][0]


@pytest.mark.parametrize(("em", "expected"), [(True, [1, 0]), (False, [0, 0]), (None, [None, None])])
def test_a_verdict_on_the_answer_grades_the_probes_that_agree(
    control: Generation, em: bool | None, expected: list[int | None]
) -> None:
    control.observe(32, Probe(" 4", 0.5)).observe(64, Probe("5", 0.5))
    assert [step.get("em") for step in outcome(control, em=em)["steps"]] == expected


def test_an_empty_probe_does_not_agree_with_an_empty_answer(control: Generation) -> None:
    control.observe(32, Probe(" ", 0.5))
    assert outcome(control, answer="", em=True)["steps"][0]["em"] == 0


def test_grade_is_called_once_for_each_text(control: Generation) -> None:
    graded: list[str] = []

    def grade(answer: str) -> bool:
        graded.append(answer)
        return answer == "4"

    control.grade = grade
    control.observe(32, Probe("4", 0.5)).observe(64, Probe("5", 0.5)).observe(96, Probe("5", 0.5, em=1))
    said = outcome(control)
    assert ([step["em"] for step in said["steps"]], said["em"], sorted(graded)) == ([1, 0, 1], 1, ["4", "5"])


def test_a_prompt_is_marked_by_its_group_its_only_sample_or_its_hash() -> None:
    client = Client("http://127.0.0.1:9", exit_seconds=0)

    def marks(**options: Any) -> dict[str, Any]:
        run = client.generation(CONTEXT, **options)
        run.observe(32)
        fields = outcome(run)
        return {name: fields[name] for name in ("group_id", "prompt_hash", "samples") if name in fields}

    hashed = marks(prompt="2 + 2")
    assert list(hashed) == ["prompt_hash"] and len(hashed["prompt_hash"]) == 32
    assert marks(prompt="2 + 3") != hashed
    assert marks(prompt="2 + 2", group="q", samples=2) == {"group_id": "q", "samples": 2}
    assert marks(prompt="2 + 2", samples=1) == {"samples": 1}
    assert marks() == {}


def test_the_hash_of_a_prompt_is_of_its_half_hour() -> None:
    assert prompt_hash_of([1, 2], 1799) == prompt_hash_of((1, 2), 0)
    assert prompt_hash_of([1, 2], 1800) != prompt_hash_of([1, 2], 0)
    assert len({prompt_hash_of(prompt, 0) for prompt in ("12", b"12", [12], [1, 2])}) == 4


def test_both_arms_say_at_how_many_token_counts_they_asked(control: Generation) -> None:
    control.observe(32).observe(64).observe(64)
    assert outcome(control)["steps_asked"] == 2
    control.arm, control.stopped = "treated", True
    assert outcome(control)["steps_asked"] == 2


def test_steps_of_the_treated_are_not_sent(control: Generation) -> None:
    control.observe(32, Probe("4", 0.5, tokens=3))
    control.arm, control.stopped = "treated", True
    said = outcome(control, answer_tokens=2)
    assert "steps" not in said
    assert (said["stopped"], said["probe_tokens"], said["answer_tokens"], said["tokens"]) == (True, 3, 2, 100)


def test_a_stopped_outcome_has_the_probe_that_stopped_it(control: Generation) -> None:
    control.observe(32, Probe("5", 0.5)).observe(64, Probe("4", 0.9))
    control.arm, control.stopped = "treated", True
    assert outcome(control, em=True)["stopped_probe"] == {"tokens": 64, "answer": "4"}
    control.grade = lambda answer: answer == "5"
    assert outcome(control)["stopped_probe"] == {"tokens": 64, "answer": "4", "em": 0}
    control.observe(96, Probe(em=1, confidence=0.9))
    assert outcome(control)["stopped_probe"] == {"tokens": 96, "em": 1}


def test_a_stop_without_an_answer_is_warned_about_since_its_outcome_is_refused(
    control: Generation, caplog: pytest.LogCaptureFixture
) -> None:
    control.observe(128, confidence=0.9)
    control.arm, control.stopped = "treated", True
    assert outcome(control, em=True)["stopped_probe"] == {"tokens": 128}
    assert "without an answer at the step that stopped it" in caplog.text


def test_a_probe_that_differs_from_the_answer_served_has_no_verdict_of_its_own(control: Generation) -> None:
    control.observe(32, Probe("5", 0.9))
    control.arm, control.stopped = "treated", True
    assert outcome(control, em=False)["stopped_probe"] == {"tokens": 32, "answer": "5"}


def test_only_the_first_4096_steps_are_sent(control: Generation) -> None:
    for tokens in range(5000):
        control.observe(tokens)
    said = outcome(control)
    assert (len(said["steps"]), said["steps_complete"], said["tokens"]) == (4096, False, 4999)


@pytest.mark.parametrize(
    ("grades", "said"),
    [
        ({"4": True, "5": False}, ("em", 1, [1, 0])),
        ({"4": 1.0, "5": 0.0}, ("em", 1, [1, 0])),
        ({"4": 1, "5": 0.25}, ("reward", 1.0, [1.0, 0.25])),
        ({"4": 0, "5": 0.25}, ("reward", 0.0, [0.0, 0.25])),
        ({"4": 0.5, "5": 3.0}, ("reward", 0.5, [0.5, None])),
        ({"4": 7.0, "5": 3.0}, ("reward", None, [None, None])),
        ({"4": float("nan"), "5": 0.5}, ("reward", None, [None, None])),
        ({"4": Fraction(1, 2), "5": False}, ("reward", 0.5, [0.5, 0.0])),
    ],
)
def test_grades_are_rewards_where_one_is_neither_right_nor_wrong(
    control: Generation, grades: dict[str, Any], said: tuple[str, Any, list[Any]]
) -> None:
    control.grade = grades.__getitem__
    for tokens, answer in ((32, "4"), (64, "5")):
        control.observe(tokens, Probe(answer, 0.5))
    name, final, steps = said
    told = outcome(control)
    assert told.get(name) == final and [step.get(name) for step in told["steps"]] == steps
    other = "em" if name == "reward" else "reward"
    assert other not in told and not any(other in step for step in told["steps"])
