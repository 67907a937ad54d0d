"""A generation as its worker sees it."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeVar

from ._outcome import identity_of, outcome_of
from ._telemetry import logger
from ._text import fit_confidence, fit_context, fit_id, fit_signals
from .probe import Probe, Step

if TYPE_CHECKING:
    from ._core import Core

Arm = Literal["control", "treated"]
Context = Mapping[str, str]
Grade = Callable[[str], "bool | int"]
AnswerT = TypeVar("AnswerT", bound="str | None")


class Generation:
    """One sequence being generated. `Client.generation()` makes it.

    Read `next_check` (tokens at which to ask next), `stopped` (close the thought and answer), `wants_probe` (force an
    answer at the step just checked and pass it to `probed()`), `arm` and `id`.
    """

    __slots__ = (
        "_core", "_is_over", "arm", "context", "context_key", "grade", "group", "id", "next_check",
        "probed_score", "sample", "samples", "steps", "stopped", "wants_probe",
    )  # fmt: skip

    def __init__(
        self, core: "Core", id: str, context: Context, group: str | None, sample: int | None, samples: int | None,
        grade: Grade | None,
    ) -> None:  # fmt: skip
        self._core = core
        self.id = fit_id(id)
        self.context = fit_context(context)
        self.context_key = json.dumps(self.context, sort_keys=True)
        self.group = None if group is None else fit_id(group)
        self.sample = None if sample is None else int(sample)
        self.samples = None if samples is None else int(samples)
        self.grade = grade
        self.arm: Arm | None = None
        self.stopped = self.wants_probe = False
        self.steps: list[Step] = []
        self.probed_score: float | None = None
        self._is_over = False
        self.begin()

    def begin(self) -> None:
        """Takes the cadence as it is known by now. A generation that waited for its start would otherwise ask late."""
        if not self.steps:
            self.next_check = self._core.decisions.cadence_of(self).next_check(0)

    def due(self, tokens: int) -> bool:
        """Whether to probe and ask, now that the generation has this many tokens (without prompt and probes).

        While no decision can be had, a check that is due is skipped, unless its answer may be evidence.
        """
        if tokens < self.next_check or self.stopped:
            return False
        return self._may_be_evidence or not self._core.decisions.skips(self, tokens)

    @property
    def _may_be_evidence(self) -> bool:
        """Whether the service may have enrolled it in the control arm: a call that failed may have got there."""
        return self.arm == "control" or (self.arm is None and len(self.steps) > 0)

    def observe(
        self,
        tokens: int,
        probe: Probe | None = None,
        *,
        confidence: float | None = None,
        signals: dict[str, float] | None = None,
    ) -> "Generation":
        """States what is known at a check; `check()` of the client then asks.

        Args:
            tokens: generated so far, without prompt and probes.
            probe: the answer forced here, where the confidence comes from it. Probe then in both arms.
            confidence: instead, a confidence that costs nothing, from 0 to 1. Then probe only where `wants_probe` says.
            signals: other numbers about this step.

        Returns:
            The generation itself.

        Raises:
            TypeError: `probe` is no Probe.
        """
        if probe is None:
            self.steps.append(Step(int(tokens), fit_confidence(confidence), fit_signals(signals)))
            return self
        _require(probe)
        level = probe.confidence if confidence is None else confidence
        both = {**(probe.signals or {}), **(signals or {})}
        step = Step(int(tokens), fit_confidence(level), fit_signals(both))
        step.asking_tokens = int(probe.tokens)
        self.steps.append(step)
        self.probed(probe)
        return self

    def probed(self, probe: Probe) -> None:
        """Adds the answer forced at the step just observed."""
        _require(probe)
        self.wants_probe = False
        if self.steps:
            step = self.steps[-1]
            step.probed(probe)
            if step.confidence is not None:
                self.probed_score = max(self.probed_score or 0.0, step.confidence)
            self._core.counters.probe_tokens += int(probe.tokens)
            self._core.counters.prefill_tokens += int(probe.prefill_tokens)

    def checked(self, stop: bool, probe: bool, next_check: int) -> None:
        """Takes the decision about the step just observed."""
        step = self.steps[-1]
        self.stopped = stop
        self.wants_probe = probe and step.answer is None and step.em is None
        self.next_check = next_check

    def finish(
        self,
        answer: AnswerT,
        *,
        tokens: int,
        em: "bool | int | None" = None,
        reference: "str | list[str] | None" = None,
        answer_tokens: int = 0,
    ) -> AnswerT:
        """Reports the outcome in the background, and returns the answer. Only the first end of a generation counts.

        A generation that never asked is not reported.

        Args:
            answer: the final answer; None: there is no text of it.
            tokens: of the whole generation, counted in the same way in both arms.
            em: whether the answer is right. Else `grade` says it, or `reference`, or `Client.label()` later, or the
                policy's label is "agreement".
            reference: the right answer, or a list of right ones: the service then grades.
            answer_tokens: where `tokens` holds the answer, how many of them it takes.
        """
        if not self._is_over:
            self._is_over = True
            if self.steps:
                try:
                    self._core.report(outcome_of(self, tokens, answer, em, reference, answer_tokens))
                except Exception:  # a generation may not fail because it can't be reported
                    logger.exception("the outcome of %s can't be reported", self.id)
        return answer

    def cancel(self, tokens: int | None = None) -> None:
        """Reports that the client went away. Call it for nothing else: see `ClientGone`.

        Args:
            tokens: generated so far; None: as many as at the last check.
        """
        if not self._is_over:
            self._is_over = True
            if self.steps and not self.stopped:
                so_far = self.steps[-1].tokens if tokens is None else int(tokens)
                self._core.report({**identity_of(self), "tokens": so_far, "cancelled": True})


def _require(probe: Probe) -> None:
    if not isinstance(probe, Probe):
        raise TypeError(f"a probe is a stopgate.Probe(answer, confidence), not {type(probe).__name__}")
