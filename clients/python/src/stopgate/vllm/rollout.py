"""One rollout."""

from contextlib import aclosing
from typing import Any, NamedTuple

from vllm import SamplingParams

from .._row import Row
from ..aio import AsyncClient
from ..generation import Generation
from ..thought import Thought
from .checks import Checks
from .engine import Engine


class Rollout(NamedTuple):
    """What became of a prompt."""

    answer: str
    """What `Thought.extract` takes out of `text`."""
    text: str
    """What the model wrote after its thought."""
    tokens: list[int]
    """All tokens: the thought, what closes it, the answer, and the end of the sequence."""
    logprobs: list[float | None]
    """Of each of `tokens`; None: it was written for the model, so that a loss has to leave it out."""
    thought_tokens: int
    """Tokens of the thought."""
    stopped: bool
    """Whether the thought was stopped."""
    finish_reason: str | None
    """Of the engine, such as "stop" or "length"."""


class Roller:
    """Makes rollouts.

    Args:
        engine: generates.
        tokenizer: of the model.
        client: decides, and reports.
        thought: how thoughts are closed.
    """

    def __init__(self, engine: Engine, tokenizer: Any, client: AsyncClient, thought: Thought) -> None:
        self._engine, self._tokenizer, self._client, self._thought = engine, tokenizer, client, thought

    async def roll(
        self, prompt: list[int], params: SamplingParams, run: Generation, reference: "str | list[str] | None"
    ) -> Rollout:
        """Generates to the end, which may come early, and reports the outcome."""
        run.begin()
        params = params.clone()
        params.logprobs = params.logprobs or 0  # 0: of the token alone
        limit = params.max_tokens
        row = Row(run, self._tokenizer, self._thought, set(), 2**62 if limit is None else limit)
        logprobs: list[float | None] = []
        checks = Checks(self._engine, self._tokenizer, self._thought, self._client, prompt, row)
        try:
            reason = await self._think(prompt, params, row, logprobs, checks)
        finally:
            await checks.end()
        if row.thought_tokens is not None or reason is not None:
            run.stopped = False  # a decision that came too late
        elif run.stopped:
            row.close()
            logprobs += [None] * (len(row.tokens) - len(logprobs))
            reason = await self._answer(prompt, params, row, logprobs)
        done = row.finish(reference)
        return Rollout(*done[:3], logprobs, *done[3:], reason)

    async def _think(
        self, prompt: list[int], params: SamplingParams, row: Row, logprobs: list[float | None], checks: Checks
    ) -> str | None:
        """Generates until the end, or until the thought is to be stopped, and returns the reason of the end."""
        reason = None
        async with aclosing(self._engine.pieces(prompt, params, row.run.id)) as pieces:
            async for piece in pieces:
                reason = piece.finish_reason
                for token, of in piece.said:
                    row.add(token)
                    logprobs.append(of[token].logprob)
                if row.thought_tokens is not None:
                    await checks.end()
                elif row.run.stopped and reason is None:
                    break
                elif reason is None:
                    checks.advance()
        return reason

    async def _answer(
        self, prompt: list[int], params: SamplingParams, row: Row, logprobs: list[float | None]
    ) -> str | None:
        """The model writes its answer behind the closed thought."""
        if row.is_done:
            return "length"
        params = params.clone()
        params.min_tokens = 0
        if params.max_tokens is not None:
            params.max_tokens -= len(row.tokens)
        reason = None
        async with aclosing(self._engine.pieces(prompt + row.tokens, params, f"{row.run.id}-answer")) as pieces:
            async for piece in pieces:
                reason = piece.finish_reason
                for token, of in piece.said:
                    row.add(token)
                    logprobs.append(of[token].logprob)
        return reason
