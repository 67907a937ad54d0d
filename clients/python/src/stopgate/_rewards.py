"""Rewards of rollouts and of the answers that were forced in them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ._outcome import ROUNDING
from ._telemetry import warn
from .generation import Generation, Step
from .reasoning import Row


class ForcedStep(NamedTuple):
    """A step to be graded, with the tokens of the completion that a stop there would have had."""

    step: Step
    tokens: list[int]


def steps_to_grade(row: Row, tokenizer: Any) -> list[ForcedStep]:
    """All probed steps of a control rollout, and of a stopped one the step that decided."""
    if row.forcing is None or (row.run.arm == "treated" and not row.run.stopped):
        return []
    ask = tokenizer.encode(row.forcing.ask, add_special_tokens=False)
    steps = [step for step in row.run.steps if step.answer is not None]
    forced = [
        ForcedStep(step, [*row.tokens[: step.tokens], *ask, *tokens])
        for step, tokens in zip(steps, row.forced, strict=True)
    ]
    return forced[-1:] if row.run.stopped else forced


def unasked(rows: Sequence[Row]) -> list[Generation]:
    """Samples of groups that ended before their first check, observed where they ended.

    Ask about them, so that they have an arm and are reported: the service waits for all samples of a group.
    """
    return [
        row.ask(len(row.tokens) if row.reasoning_tokens is None else row.reasoning_tokens)
        for row in rows
        if row.run.group is not None and row.forcing is not None and not row.run.steps
    ]


def mask_of(row: Row) -> list[int]:
    """1 for each token that the model chose, 0 for each that was forced."""
    mask = [1] * len(row.tokens)
    if row.run.stopped and row.reasoning_tokens is not None:
        end = min(len(mask), row.reasoning_tokens + row.closing_tokens)
        mask[row.reasoning_tokens : end] = [0] * (end - row.reasoning_tokens)
    return mask


def report(row: Row, reward: float | None, is_truncated: bool) -> None:
    """Reports a rollout with its reward, from 0 to 1. The answer of a truncated one is that of its last probe."""
    if is_truncated:
        row.run.finish(row.run.steps[-1].answer, tokens=len(row.tokens), reward=reward)
    else:
        row.finish(reward=reward)


class Bounds(NamedTuple):
    """The lowest and the highest reward."""

    low: float
    high: float

    def scaled(self, reward: float | None) -> float | None:
        """A reward from 0 to 1; None where it is unknown or outside the bounds, and so no label."""
        if reward is None:
            return None
        scaled = (float(reward) - self.low) / (self.high - self.low)
        if -ROUNDING <= scaled <= 1 + ROUNDING:
            return min(1.0, max(0.0, scaled))
        warn("bounds", f"a reward of {reward} is no label, since it is outside the bounds {tuple(self)}: set bounds")
        return None


def require_bounds(bounds: Sequence[float]) -> Bounds:
    """The bounds.

    Raises:
        ValueError: they are not two numbers in order.
    """
    if len(bounds) != 2 or not bounds[0] < bounds[1]:
        raise ValueError(f"bounds are the lowest and the highest reward, not {bounds}")
    return Bounds(*bounds)
