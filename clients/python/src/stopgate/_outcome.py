"""What is reported of a generation that has ended."""

from typing import TYPE_CHECKING, Any

from ._telemetry import warn
from ._text import fit_answer

if TYPE_CHECKING:
    from .generation import Generation
    from .probe import Step

_MOST_STEPS = 4096


def identity_of(generation: "Generation") -> dict[str, Any]:
    """The fields that say whose outcome it is."""
    named: dict[str, Any] = {"generation_id": generation.id, "context": generation.context}
    if generation.arm is not None:
        named["arm"] = generation.arm
    if generation.group is not None:
        named["group_id"] = generation.group
        if generation.samples is not None:
            named["samples"] = generation.samples
        if generation.sample is not None:
            named["sample_index"] = generation.sample
    return named


def outcome_of(
    generation: "Generation",
    tokens: int,
    answer: str | None,
    em: "bool | int | None",
    reference: "str | list[str] | None",
    answer_tokens: int,
) -> dict[str, Any]:
    """An outcome as POST /v1/outcomes takes it. Steps are only sent where the generation may be control."""
    grades = _Grades(generation, answer, em)
    outcome = identity_of(generation)
    outcome.update(tokens=max(int(tokens), generation.steps[-1].tokens), stopped=generation.stopped)
    if answer_tokens:
        outcome["answer_tokens"] = int(answer_tokens)
    if answer is not None:
        outcome["answer"] = fit_answer(answer)
    if grades.final is not None:
        outcome["em"] = grades.final
    elif reference is not None:
        outcome["reference"] = [fit_answer(one) for one in ([reference] if isinstance(reference, str) else reference)]
    outcome.update(_cost(generation.steps))
    if generation.arm != "treated" and not generation.stopped:
        is_priced = "probe_tokens" in outcome
        outcome["steps"] = [_step(step, grades, is_priced) for step in generation.steps[:_MOST_STEPS]]
        if len(generation.steps) > _MOST_STEPS:
            outcome["steps_complete"] = False
    return outcome


def _cost(steps: "list[Step]") -> dict[str, int]:
    """What probes cost in all; nothing where the worker does not count it."""
    decoded, prefilled = sum(step.probe_tokens for step in steps), sum(step.prefill_tokens for step in steps)
    return {
        **({"probe_tokens": decoded} if decoded else {}),
        **({"probe_prefill_tokens": prefilled} if prefilled else {}),
    }


def _step(step: "Step", grades: "_Grades", is_priced: bool) -> dict[str, Any]:
    """Its `probe_tokens` were spent to ask. What was spent on an answer that is only graded is in the total alone."""
    told: dict[str, Any] = {"tokens": step.tokens, "confidence": step.confidence}
    if is_priced:
        told["probe_tokens"] = step.asking_tokens
    if step.signals:
        told["signals"] = step.signals
    if step.answer is not None:
        told["answer"] = fit_answer(step.answer)
    em = grades.of(step)
    if em is not None:
        told["em"] = em
    return told


class _Grades:
    """Exact Match of a generation's answers, each text graded once."""

    def __init__(self, generation: "Generation", answer: str | None, em: "bool | int | None") -> None:
        self._grade = generation.grade
        self._known: dict[str, int | None] = {}
        self._answer = answer
        self.final = int(bool(em)) if em is not None else None if answer is None else self._by_worker(answer)

    def of(self, step: "Step") -> int | None:
        """By the worker; else a probe is as right as the final answer that it equals, and wrong where it differs."""
        if step.em is not None or step.answer is None:
            return step.em
        if self._grade is not None:
            return self._by_worker(step.answer)
        if self.final is None or self._answer is None:
            return None
        return self.final if step.answer.strip() == self._answer.strip() else 0

    def _by_worker(self, answer: str) -> int | None:
        if self._grade is None:
            return None
        if answer not in self._known:
            try:
                said: object = self._grade(answer)
                if said is None:
                    warn("grade None", "grade() returned None, so that the answer has no label: return True or False")
                self._known[answer] = None if said is None else int(bool(said))
            except Exception as error:
                warn("grade", f"grade() failed, so that the answer has no label: {error!r}")
                self._known[answer] = None
        return self._known[answer]
