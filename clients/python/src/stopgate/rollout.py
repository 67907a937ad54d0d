"""Stops rollouts of engines that complete token ids, such as those of verl, OpenRLHF and slime, early."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Literal, NamedTuple

from ._rewards import mask_of, report, require_bounds, steps_to_grade, unasked
from ._turns import Said, Turn, TurnByTurn, run_alone
from .aio import AsyncClient
from .generation import Generation
from .reasoning import ReasoningFormat, Row

__all__ = ["ReasoningFormat", "Rollout", "Said", "Turn", "rollout"]


class Rollout(NamedTuple):
    """A finished rollout."""

    tokens: list[int]
    """All tokens of the completion, the end of the sequence included."""
    mask: list[int]
    """Of each token: 0 if it was forced, so that a loss must leave it out."""
    logprobs: list[float | None]
    """Of each token; None: it was forced, or the engine does not say."""
    reward: float | None
    """Of the completion; in mode "truncate", of the answer that was forced at its stop."""
    stopped: bool
    """Whether its reasoning was stopped."""


async def rollout(
    client: AsyncClient,
    run: Generation,
    prompt: Sequence[int],
    tokenizer: Any,
    complete: Callable[[Turn], Awaitable[Said]],
    *,
    max_new_tokens: int,
    end_ids: Collection[int],
    reward: Callable[[list[list[int]]], Awaitable[Sequence[float | None]]],
    mode: Literal["answer", "truncate"] = "answer",
    bounds: tuple[float, float] = (0.0, 1.0),
    reasoning: ReasoningFormat | None = None,
) -> Rollout:
    """Makes one rollout, which may be stopped early, and reports it with its reward.

    It generates up to the next check, forces an answer in a request of its own, and goes on behind the tokens so far.
    The engine needs a prefix cache, so that this costs little.

    Args:
        client: asks and reports.
        run: a new generation. All samples of a prompt state the same `group`, and `samples`.
        prompt: token ids, with the reasoning open.
        tokenizer: of the model.
        complete: completes a `Turn` with the engine, as rollouts are sampled, or greedily if it says so.
        max_new_tokens: most tokens of the completion.
        end_ids: tokens that end a sequence.
        reward: grades completions, given as token ids. It is called once with all that are to be compared: the
            completion itself, and those that stops at the checks would have had.
        mode: what a stop does. "answer": the reasoning is closed, and the model writes its answer. "truncate": the
            rollout ends there, and its reward is that of the answer that was forced to decide.
        bounds: the lowest and the highest reward, which are 0 and 1 at the service. One outside is no label.
        reasoning: how reasoning is closed, and how answers are forced.

    Raises:
        ValueError: the bounds make no sense.
        Exception: any exception of `complete` and `reward`. The rollout is not reported then.
    """
    limits, style = require_bounds(bounds), reasoning or ReasoningFormat()
    run.begin()
    forcing = await asyncio.to_thread(client.forms.forcing, run, style)
    row = Row(run, tokenizer, style, forcing, set(end_ids), max_new_tokens)
    turns = TurnByTurn(row, list(prompt), tokenizer, client.forms, client.counters, style, mode == "answer")
    await run_alone(turns, client, complete)
    await client.check(unasked([row]))
    graded = steps_to_grade(row, tokenizer)
    final, *others = await reward([row.tokens, *(one.tokens for one in graded)])
    for one, its in zip(graded, others, strict=True):
        one.step.reward = limits.scaled(its)
    is_truncated = mode == "truncate" and run.stopped
    if is_truncated:
        final = others[-1]
    report(row, limits.scaled(final), is_truncated)
    return Rollout(row.tokens, mask_of(row), turns.logprobs, final, run.stopped)
