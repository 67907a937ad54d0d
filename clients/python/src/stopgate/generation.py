"""A generation as its worker sees it: its probes and steps, when it asks, and how it ends."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from ._limits import fit_confidence, fit_context, fit_id, fit_signals
from ._telemetry import Counters, logger, warn

Arm = Literal["control", "treated"]
Context = Mapping[str, str]
Grade = Callable[[str], "bool | int | float | None"]
AnswerT = TypeVar("AnswerT", bound="str | None")


Prompt = str | bytes | Sequence[int]

NEVER = 2**62
"""The next check of a generation that is not asked about again."""
_PROMPT_SECONDS = 1800


def prompt_hash_of(prompt: Prompt, now: float) -> str:
    """A hash of a prompt and of the half hour in which its generation starts.

    With the prompt alone, one that comes back would always be in the same arm.
    """
    text = (
        prompt if isinstance(prompt, str) else prompt.hex() if isinstance(prompt, bytes) else [int(t) for t in prompt]
    )
    return hashlib.sha256(json.dumps([text, int(now // _PROMPT_SECONDS)]).encode()).hexdigest()[:32]


def context_key_of(context: Context) -> str:
    """A text by which a process keeps what it knows of a context."""
    return json.dumps(dict(context), sort_keys=True)


BUDGETS = tuple(math.floor(32 * 2 ** (k / 3) + 0.5) for k in range(37))
"""Thinking budgets in tokens, the only checks where the score is `tokens`."""


class Cadence(NamedTuple):
    """When generations of a context ask; by default as the service has it in a context that it does not know yet."""

    check_every_tokens: int = 16
    min_tokens: int = 0
    check_growth: float = 0.25
    at_budgets: bool = False

    def next_check(self, tokens: int) -> int:
        """When to ask next, in tokens.

        It is the next multiple of `check_every_tokens` above `tokens`, at least `check_growth` times the tokens later,
        and not below `min_tokens`; or the next budget. NEVER: there is no further check.

        Args:
            tokens: generated so far.
        """
        if self.at_budgets:
            return next((count for count in BUDGETS if count > tokens and count >= self.min_tokens), NEVER)
        every = self.check_every_tokens
        # Without the small term, a product such as 320 * 1.1 would be rounded up past the multiple that it equals.
        grown = math.ceil(tokens * (1 + self.check_growth) / every - 1e-9) * every
        return max((tokens // every + 1) * every, grown, -(-self.min_tokens // every) * every)


def cadence_in(rule: Mapping[str, Any]) -> Cadence:
    """The cadence in a rule of a bundle, or of a reply."""
    return Cadence(
        rule["check_every_tokens"], rule["min_tokens"], rule["check_growth"], rule.get("scorer") == "tokens"
    )  # fmt: skip


class _ProbeFields(NamedTuple):
    answer: str | None = None
    """The answer's text."""
    confidence: float | None = None
    """From 0 to 1; None: unknown."""
    signals: dict[str, float] | None = None
    """Other numbers about this step, at most 16."""
    tokens: int = 0
    """Tokens decoded for this probe alone."""
    prefill_tokens: int = 0
    """Tokens prefilled for this probe: 0 if the prefix cache had them all."""
    em: int | None = None
    """1 right, 0 wrong; None: graded in another way (`grade`, `reference`, or a label that comes later)."""
    reward: float | None = None
    """From 0 to 1, where the outcome has a reward; None: likewise."""


class Probe(_ProbeFields):
    """An answer that was forced outside of the generation, without a trace in it.

    Raises:
        ValueError: the confidence is in percent. One that is only slightly outside of 0 to 1 counts as unknown.
    """

    __slots__ = ()

    def __new__(
        cls, answer: str | None = None, confidence: float | None = None, signals: dict[str, float] | None = None,
        tokens: int = 0, prefill_tokens: int = 0, em: int | None = None, reward: float | None = None,
    ) -> "Probe":  # fmt: skip
        """See `_ProbeFields`."""
        if confidence is not None and abs(float(confidence)) >= 2:
            raise ValueError(f"the confidence of a probe is from 0 to 1, not {confidence}: divide percent by 100")
        return super().__new__(cls, answer, confidence, signals, tokens, prefill_tokens, em, reward)


class Step:
    """One check of a generation."""

    __slots__ = (
        "answer", "asking_tokens", "confidence", "em", "prefill_tokens", "probe_tokens", "reward", "signals", "tokens",
    )  # fmt: skip

    def __init__(self, tokens: int, confidence: float | None, signals: dict[str, float]) -> None:
        self.tokens, self.confidence, self.signals = tokens, confidence, signals
        self.answer: str | None = None
        self.em: int | None = None
        self.reward: float | None = None
        self.asking_tokens = self.probe_tokens = self.prefill_tokens = 0

    def probed(self, probe: Probe) -> None:
        """Adds the answer forced at this step, and its cost."""
        self.answer = probe.answer
        self.em = None if probe.em is None else int(bool(probe.em))
        self.reward = None if probe.reward is None else float(probe.reward)
        self.probe_tokens += int(probe.tokens)
        self.prefill_tokens += int(probe.prefill_tokens)


class Ending(NamedTuple):
    """How a generation ended. `Generation.finish()` documents the fields."""

    answer: str | None
    tokens: int
    em: bool | int | None = None
    reference: str | list[str] | None = None
    answer_tokens: int = 0
    reward: float | None = None


class Backend(Protocol):
    """The client that made a generation, as far as the generation uses it.

    It is declared here, so that this module does not depend on the modules that decide and report.
    """

    counters: Counters

    def cadence_of(self, generation: "Generation") -> Cadence:
        """The cadence of a generation."""
        ...

    def asks_first(self, generation: "Generation") -> bool:
        """Whether to ask about a generation before an answer is forced."""
        ...

    def skip_check(self, generation: "Generation", tokens: int) -> bool:
        """Postpones a due check if no decision can be made now. Returns whether it did."""
        ...

    def report_outcome(self, generation: "Generation", ending: Ending) -> None:
        """Queues the outcome of a generation that has ended."""

    def report_cancellation(self, generation: "Generation", tokens: int) -> None:
        """Queues the notice that the client of a generation went away."""


class Generation:
    """One sequence being generated. `Client.generation()` makes it.

    Read `next_check` (tokens at which to ask next), `stopped` (close the reasoning and answer), `wants_probe` (force an
    answer at the step just checked and pass it to `probed()`), `arm`, `control_share` (when the arm was drawn),
    `crossing` (the step that stopped it, or would have stopped it in the other arm) and `id`.
    """

    __slots__ = (
        "_backend", "_is_over", "_may_cross", "arm", "context", "context_key", "control_share", "crossing",
        "due_tokens", "end_probe", "grade", "group", "id", "next_check", "probed_score", "prompt_hash",
        "prompt_text", "retry_of", "sample", "samples", "steps", "stopped", "stopped_by", "wants_probe",
    )  # fmt: skip

    def __init__(
        self, backend: Backend, id: str, context: Context, group: str | None, sample: int | None, samples: int | None,
        grade: Grade | None, retry_of: str | None = None, prompt: Prompt | None = None,
    ) -> None:  # fmt: skip
        self._backend = backend
        self.id = fit_id(id)
        self.context = fit_context(context)
        self.context_key = context_key_of(self.context)
        self.group = None if group is None else fit_id(group)
        self.sample = None if sample is None else int(sample)
        self.samples = None if samples is None else int(samples)
        self.prompt_hash: str | None = None
        self.prompt_text: Callable[[], str] | None = None
        if prompt is not None:
            self.mark_prompt(prompt)
        self.grade = grade
        self.retry_of = None if retry_of is None else fit_id(retry_of)
        self.arm: Arm | None = None
        self.control_share: float | None = None
        self.crossing: Step | None = None
        self._may_cross = True
        self.due_tokens: int | None = None
        self.stopped = self.wants_probe = False
        self.steps: list[Step] = []
        self.probed_score: float | None = None
        self.end_probe: Probe | None = None
        self.stopped_by: dict[str, Any] | None = None  # the decision of this process that stopped it
        self._is_over = False
        self.begin()

    def mark_prompt(self, prompt: Prompt, text: Callable[[], str] | None = None) -> None:
        """Says which prompt it is of, unless it has a group or is the only sample of its prompt.

        Args:
            text: returns the text of a prompt of token ids, for graders. It is called where the service stores prompts.
        """
        if self.prompt_text is None:
            self.prompt_text = (lambda: prompt) if isinstance(prompt, str) else text
        if self.group is None and self.samples != 1 and self.prompt_hash is None:
            self.prompt_hash = prompt_hash_of(prompt, time.time())

    def begin(self) -> None:
        """Adopts the cadence known by now: a generation that waited in a queue would otherwise ask late."""
        if self.retry_of is not None:
            self.next_check = NEVER
        elif not self.steps:
            self.next_check = self._backend.cadence_of(self).next_check(0)

    def due(self, tokens: int) -> bool:
        """Whether to probe and ask, now that the generation has this many tokens (without prompt and probes).

        While no decision can be made, due checks are skipped, unless their answers may be evidence. A retry never asks.
        """
        if tokens < self.next_check or self.stopped or self.retry_of is not None:
            return False
        return self._may_be_evidence or not self._backend.skip_check(self, tokens)

    @property
    def asks_first(self) -> bool:
        """Whether to ask at this check without an answer, since nothing could stop it.

        Force one, and ask again, if the arm is then "control".
        """
        return not self.steps and self._backend.asks_first(self)

    def postpone(self, tokens: int) -> None:
        """Leaves out the check that is due, for lack of room for its probe."""
        self.next_check = self._backend.cadence_of(self).next_check(tokens)

    @property
    def _may_be_evidence(self) -> bool:
        """Whether the service may have enrolled it in the control arm. A call that failed may still have arrived."""
        return self.arm == "control" or (self.arm is None and len(self.steps) > 0)

    def observe(
        self,
        tokens: int,
        probe: Probe | None = None,
        *,
        confidence: float | None = None,
        signals: dict[str, float] | None = None,
    ) -> "Generation":
        """Adds a step, with everything known at a check; `check()` of the client then asks.

        Args:
            tokens: generated so far, without prompt and probes.
            probe: the answer forced here, if the confidence comes from it. Probe then in both arms.
            confidence: a confidence from 0 to 1 that needs no probe. Then probe only if `wants_probe` is true.
            signals: other numbers about this step.

        Returns:
            The generation itself.

        Raises:
            TypeError: `probe` is not a Probe.
        """
        if probe is None:
            self.steps.append(Step(int(tokens), fit_confidence(confidence), fit_signals(signals)))
            return self
        _require_probe(probe)
        level = probe.confidence if confidence is None else confidence
        both = {**(probe.signals or {}), **(signals or {})}
        step = Step(int(tokens), fit_confidence(level), fit_signals(both))
        step.asking_tokens = int(probe.tokens)
        self.steps.append(step)
        self.probed(probe)
        return self

    def probed(self, probe: Probe) -> None:
        """Adds the answer forced at the step just observed."""
        _require_probe(probe)
        self.wants_probe = False
        if self.steps:
            step = self.steps[-1]
            step.probed(probe)
            if step.confidence is not None:
                self.probed_score = max(self.probed_score or 0.0, step.confidence)
            self._backend.counters.probe_tokens += int(probe.tokens)
            self._backend.counters.prefill_tokens += int(probe.prefill_tokens)

    def probed_at_end(self, probe: Probe) -> None:
        """Adds an answer that was forced where the reasoning has ended by itself, to compare with the final answer."""
        self.end_probe = probe
        self._backend.counters.probe_tokens += int(probe.tokens)
        self._backend.counters.prefill_tokens += int(probe.prefill_tokens)

    @property
    def is_early(self) -> bool:
        """Whether the step just observed is before the check that the last decision named."""
        return self.due_tokens is not None and self.steps[-1].tokens < self.due_tokens

    def decided(self, stop: bool, probe: bool, next_check: int, *, would_stop: bool, is_in_force: bool) -> None:
        """Applies the decision about the step just observed, which names the next check.

        Args:
            would_stop: whether it reaches the threshold, in either arm.
            is_in_force: whether there is a threshold.
        """
        self.checked(stop, probe, next_check)
        self.due_tokens = next_check
        self._may_cross = self._may_cross and is_in_force
        if would_stop and self._may_cross and self.crossing is None:
            self.crossing = self.steps[-1]

    def checked(self, stop: bool, probe: bool, next_check: int) -> None:
        """Goes on after the check of the step just observed, with or without a decision."""
        step = self.steps[-1]
        self.stopped = stop
        self.wants_probe = probe and step.answer is None and step.em is None
        self.next_check = next_check

    def finish(
        self,
        answer: AnswerT,
        *,
        tokens: int,
        em: bool | int | None = None,
        reference: str | list[str] | None = None,
        answer_tokens: int = 0,
        reward: float | None = None,
    ) -> AnswerT:
        """Reports the outcome in the background, and returns the answer. Only the first report of a generation counts.

        A generation that never asked is not reported.

        Args:
            answer: the final answer; None: its text is unknown.
            tokens: of the whole generation, counted in the same way in both arms.
            em: whether the answer is right; None: it is graded by `grade`, by `reference`, or by `Client.label()`
                later, or the policy's label is "agreement".
            reference: the right answer, or a list of right ones: the service then grades.
            answer_tokens: if `tokens` includes the answer, the tokens of the answer.
            reward: of the answer, from 0 to 1, in place of `em`.
        """
        if not self._is_over:
            self._is_over = True
            if self.steps:
                try:
                    rewarded = None if reward is None else float(reward)
                    self._backend.report_outcome(self, Ending(answer, tokens, em, reference, answer_tokens, rewarded))
                except Exception:  # a failed report must not fail a generation
                    logger.exception("the outcome of %s can't be reported", self.id)
            else:
                warn(
                    f"unasked {self.context_key}",
                    f"{self.id} is not reported, since it never asked. That is normal for a generation that is shorter "
                    "than the first check; otherwise, ask whenever due() says so",
                )
        return answer

    def cancel(self, tokens: int | None = None) -> None:
        """Reports that the client went away. Call it for nothing else: see `ClientGone`.

        Args:
            tokens: generated so far; None: as many as at the last check.
        """
        if not self._is_over:
            self._is_over = True
            if self.steps and not self.stopped:
                self._backend.report_cancellation(self, self.steps[-1].tokens if tokens is None else int(tokens))

    def warn_early(self) -> None:
        """Logs that the generation was not stopped here, since it asked before the check that was due."""
        warn(
            f"early {self.context_key}",
            f"{self.id} was asked about at {self.steps[-1].tokens} tokens, before the check that was due, and is not "
            "stopped there: ask whenever due() says so, in both arms",
        )

    def warn_late(self, tokens: int) -> None:
        """Logs that the generation is not enrolled, since its first check came late. It may still be stopped."""
        warn(
            f"late {self.context_key}",
            f"{self.id} is not evidence in context {self.context}, since its first decision came late, at "
            f"{tokens} tokens. That is normal after an outage, and before the client knows the cadence "
            "of a context; otherwise, ask whenever due() says so",
        )


def _require_probe(probe: Probe) -> None:
    if not isinstance(probe, Probe):
        raise TypeError(f"a probe is a stopgate.Probe(answer, confidence), not {type(probe).__name__}")
