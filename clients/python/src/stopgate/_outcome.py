"""The reports about a generation that has ended: its outcome, or its cancellation."""

from numbers import Real
from typing import Any

from ._limits import fit_answer, fit_prompt
from ._telemetry import warn
from .generation import Ending, Generation, Step

_MOST_STEPS = 4096
ROUNDING = 1e-6
"""By so much a reward may be outside its bounds, since it was computed in 32 bits."""


def outcome_of(generation: Generation, ending: Ending) -> dict[str, Any]:
    """An outcome as POST /v1/outcomes takes it. It has steps only if the generation may be control."""
    answer, reference = ending.answer, ending.reference
    grades = _Grades(generation, answer, ending.em, ending.reward)
    outcome = _identity_of(generation)
    outcome.update(tokens=max(int(ending.tokens), generation.steps[-1].tokens), stopped=generation.stopped)
    if generation.stopped:
        outcome["stopped_probe"] = _stopped_probe(generation.steps[-1], grades)
        if generation.stopped_by is not None:
            outcome["stopped_by"] = generation.stopped_by
    if ending.answer_tokens:
        outcome["answer_tokens"] = int(ending.answer_tokens)
    if answer is not None:
        outcome["answer"] = fit_answer(answer)
    if grades.final is not None:
        outcome[grades.name] = grades.final
    elif reference is not None:
        outcome["reference"] = [fit_answer(one) for one in ([reference] if isinstance(reference, str) else reference)]
    outcome.update(_cost_of(generation), steps_asked=len({step.tokens for step in generation.steps}))
    if generation.arm != "treated" and not generation.stopped:
        end = generation.end_probe
        if end is not None and end.answer is not None and answer is not None:
            outcome["end_probe"] = {"answer": fit_answer(end.answer)}
        is_priced = "probe_tokens" in outcome
        outcome["steps"] = [_step(step, grades, is_priced) for step in generation.steps[:_MOST_STEPS]]
        if len(generation.steps) > _MOST_STEPS:
            outcome["steps_complete"] = False
    return outcome


def prompt_of(generation: Generation) -> dict[str, str]:
    """The prompt as a field of an outcome, if its text is known and the label may be wanted."""
    if generation.arm == "treated" and not generation.stopped:
        return {}
    try:
        text = "" if generation.prompt_text is None else generation.prompt_text()
    except Exception as error:  # as of a tokenizer
        warn("prompt", f"a prompt cannot be read, so graders do not see it: {error!r}")
        return {}
    return {"prompt": fit_prompt(text)} if text else {}


def cancellation_of(generation: Generation, tokens: int) -> dict[str, Any]:
    """The outcome of a generation whose client went away after so many tokens."""
    return {**_identity_of(generation), "tokens": tokens, "cancelled": True}


def _identity_of(generation: Generation) -> dict[str, Any]:
    """The fields that identify a generation, its arm and its group."""
    fields: dict[str, Any] = {"generation_id": generation.id, "context": generation.context}
    if generation.retry_of is not None:
        fields["retry_of"] = generation.retry_of
    if generation.arm is not None:
        fields["arm"] = generation.arm
    if generation.group is not None:
        fields["group_id"] = generation.group
        if generation.samples is not None:
            fields["samples"] = generation.samples
        if generation.sample is not None:
            fields["sample_index"] = generation.sample
    elif generation.prompt_hash is not None:
        fields["prompt_hash"] = generation.prompt_hash
    elif generation.samples == 1:
        fields["samples"] = 1
    return fields


def _cost_of(generation: Generation) -> dict[str, int]:
    """The total cost of all probes; empty if the worker does not count it."""
    steps, end = generation.steps, generation.end_probe
    decoded = sum(step.probe_tokens for step in steps) + (0 if end is None else int(end.tokens))
    prefilled = sum(step.prefill_tokens for step in steps) + (0 if end is None else int(end.prefill_tokens))
    return {
        **({"probe_tokens": decoded} if decoded else {}),
        **({"probe_prefill_tokens": prefilled} if prefilled else {}),
    }


def _step(step: Step, grades: "_Grades", is_priced: bool) -> dict[str, Any]:
    """A step of an outcome.

    Its `probe_tokens` were spent to ask. Those of an answer that is only graded are in the outcome's total alone.
    """
    fields: dict[str, Any] = {"tokens": step.tokens, "confidence": step.confidence}
    if is_priced:
        fields["probe_tokens"] = step.asking_tokens
    if step.signals:
        fields["signals"] = step.signals
    if step.answer is not None:
        fields["answer"] = fit_answer(step.answer)
    grade = grades.of(step)
    if grade is not None:
        fields[grades.name] = grade
    return fields


def _stopped_probe(step: Step, grades: "_Grades") -> dict[str, Any]:
    """The answer of the probe that stopped a generation, as far as it is known, to compare with the served answer."""
    grade = grades.graded(step)
    if step.answer is None and grade is None:
        warn(
            "stopped_probe",
            "a generation was stopped without an answer at the step that stopped it, so its outcome "
            "is refused: observe() the answer that was forced there, or its em or reward",
        )
    return {
        "tokens": step.tokens,
        **({} if step.answer is None else {"answer": fit_answer(step.answer)}),
        **({} if grade is None else {grades.name: grade}),
    }


class _Grades:
    """Grades of a generation's answers: Exact Match, or rewards where one of them is neither right nor wrong."""

    def __init__(self, generation: Generation, answer: str | None, em: bool | int | None, reward: float | None) -> None:
        self._grade = generation.grade
        self._known: dict[str, Any] = {}
        self._answer = answer
        final = reward if reward is not None else em
        if final is None and answer is not None:
            final = self._by_worker(answer)
        grades = [final, *(self._own(step) for step in generation.steps)]
        self._is_reward = reward is not None or any(_is_between(grade) for grade in grades)
        self.final = self._valid(final)

    @property
    def name(self) -> str:
        """The name of the grade in a report."""
        return "reward" if self._is_reward else "em"

    def of(self, step: Step) -> "int | float | None":
        """The worker's grade; without one, a probe equal to the final answer has its grade, and others are wrong.

        An empty answer equals none. The service compares the answers itself where the final one has a reward.
        """
        grade = self.graded(step)
        if grade is not None or step.answer is None or self._grade is not None or self._is_reward:
            return grade
        if self.final is None or self._answer is None:
            return None
        probed = step.answer.strip()
        return self.final if probed and probed == self._answer.strip() else 0

    def graded(self, step: Step) -> "int | float | None":
        """The worker's own grade of a probe; None: there is none. A reward compares with that of the final answer."""
        return None if self._is_reward and self.final is None else self._valid(self._own(step))

    def _own(self, step: Step) -> Any:
        if step.reward is not None or step.em is not None:
            return step.em if step.reward is None else step.reward
        return None if step.answer is None else self._by_worker(step.answer)

    def _valid(self, grade: Any) -> "int | float | None":
        """A grade as a report has it; None for a reward that is none, which is then no label."""
        if grade is None:
            return None
        if not self._is_reward:
            return int(bool(grade))
        reward = float(grade)
        if -ROUNDING <= reward <= 1 + ROUNDING:
            return min(1.0, max(0.0, reward))
        warn("reward", f"a reward of {reward} is no label: rewards are from 0 to 1")
        return None

    def _by_worker(self, answer: str) -> Any:
        if self._grade is None:
            return None
        if answer not in self._known:
            try:
                grade = self._grade(answer)
                if grade is None:
                    warn("grade None", "grade() returned None, so the answer has no label: return a bool or a reward")
                self._known[answer] = grade
            except Exception as error:
                warn("grade", f"grade() failed, so the answer has no label: {error!r}")
                self._known[answer] = None
        return self._known[answer]


def _is_between(grade: Any) -> bool:
    """Whether a grade is neither right nor wrong, so that it is a reward."""
    return isinstance(grade, Real) and not isinstance(grade, bool) and grade not in (0, 1)
