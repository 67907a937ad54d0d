"""Checks of a rollout, beside its stream."""

import asyncio
from contextlib import aclosing
from typing import Any

from vllm import SamplingParams

from .._forced import TOP_TOKENS, Forced
from .._row import Row
from .._telemetry import warn
from ..aio import AsyncClient
from ..generation import Probe
from ..thought import Thought
from .engine import Engine


class Checks:
    """The checks of one rollout, one at a time. The thought goes on meanwhile.

    Args:
        engine: forces answers.
        tokenizer: of the model.
        thought: how answers are forced.
        client: decides.
        prompt: of the rollout.
        row: its tokens.
    """

    def __init__(
        self, engine: Engine, tokenizer: Any, thought: Thought, client: AsyncClient, prompt: list[int], row: Row
    ) -> None:
        self._engine, self._tokenizer, self._thought = engine, tokenizer, thought
        self._client, self._prompt, self._row = client, prompt, row
        self._ask: list[int] = tokenizer.encode(thought.ask, add_special_tokens=False)
        self._task: asyncio.Task[None] | None = None
        self._probing: tuple[int, Forced] | None = None

    def advance(self) -> None:
        """Begins a check where one is due, at the very token at which it is."""
        if (self._task is None or self._task.done()) and self._row.is_due:
            self._task = asyncio.create_task(self._check(self._row.run.next_check))

    async def end(self) -> None:
        """Gives up a check that is under way. What its probe has decoded so far counts, whichever the arm."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if self._probing is not None and self._row.run.steps:
            self._spend(*self._probing)

    def _spend(self, tokens: int, forced: Forced) -> None:
        """States what a probe without an answer cost."""
        self._probing = None
        self._row.run.observe(tokens, Probe(tokens=forced.decoded, prefill_tokens=forced.prefilled))

    async def _check(self, tokens: int) -> None:
        forced = Forced(self._tokenizer, self._thought)
        self._probing = tokens, forced
        try:
            await self._force(tokens, forced)
            self._row.observe(forced, tokens)
            self._probing = None
        except Exception as error:
            warn("vllm-probe", f"an answer can't be forced or read, so that the thought goes on: {error!r}")
            self._spend(tokens, forced)
        await self._client.check([self._row.run])

    async def _force(self, tokens: int, forced: Forced) -> None:
        """Decodes greedily, up to the end of a line."""
        prompt = [*self._prompt, *self._row.tokens[:tokens], *self._ask]
        params = SamplingParams(temperature=0, max_tokens=self._thought.answer_tokens, logprobs=TOP_TOKENS)
        request_id = f"{self._row.run.id}-probe-{tokens}"
        async with aclosing(self._engine.pieces(prompt, params, request_id)) as pieces:
            async for piece in pieces:
                forced.prefilled = len(prompt) - piece.cached_tokens
                for place, (token, logprobs) in enumerate(piece.said, 1):
                    top = sorted((one.logprob for one in logprobs.values()), reverse=True)[:TOP_TOKENS]
                    is_end = piece.finish_reason == "stop" and place == len(piece.said)
                    forced.add(token, logprobs[token].logprob, top, is_end)
                if "\n" in self._tokenizer.decode(forced.tokens).lstrip():
                    break
