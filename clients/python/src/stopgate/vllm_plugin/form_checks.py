"""Probe forms are tried and checked where a reasoning has ended by itself."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from .._answers import STYLES, EndOfReasoning, EndTrial, Forcing, judge
from .._telemetry import warn
from ..generation import Generation, Probe
from ..reasoning import ForcedAnswer, Row
from .checks import force
from .engine import Engine
from .parameters import GREEDY, again_params
from .request import Request


class FormChecks:
    """Forces answers at the end of one sample's reasoning.

    Args:
        call: the request that the sample is of.
        engine: forces answers.
        row: the tokens of the sample.
        drawn: how probes are sampled.
    """

    def __init__(self, call: Request, engine: Engine, row: Row, drawn: Mapping[str, Any]) -> None:
        self._call, self._engine, self._row, self._drawn = call, engine, row, drawn
        self._client, self._reasoning = call.plugin.client, call.plugin.reasoning
        self.tokens = 0
        """Tokens decoded for these answers."""

    async def ask(self) -> None:
        """Tries all forms where none is known yet, and checks the form in force on one control sample in twenty."""
        row, run, forms = self._row, self._row.run, self._client.forms
        end, seats = row.end(self._call.prompt_ids), self._call.plugin.seats
        if end is None or seats.is_full:
            return
        try:
            if row.forcing is None:
                if await asyncio.to_thread(forms.claims, run):
                    await self._try(end)
            elif run.arm == "control" and forms.asks_at_end(run):
                await seats.enter_probe(is_control=True)
                try:
                    forced = await self._force(end, end.checking(row.forcing), f"{run.id}-end", self._drawn)
                finally:
                    seats.leave_probe()
                run.probed_at_end(Probe(forced.answer, tokens=forced.decoded, prefill_tokens=forced.prefilled))
        except Exception as error:
            warn("vllm-end", f"no answer can be forced at the end of a reasoning: {error!r}")

    async def _try(self, end: EndOfReasoning) -> None:
        run, forms, seats = self._row.run, self._client.forms, self._call.plugin.seats
        try:
            await seats.enter_probe(is_control=True)
            try:
                trial = await self._trial(end, run)
            finally:
                seats.leave_probe()
            await asyncio.to_thread(forms.tried, run, trial, self._reasoning.most_tokens)
        except BaseException:
            forms.failed(run)
            raise

    async def _trial(self, end: EndOfReasoning, run: Generation) -> EndTrial:
        params = self._call.params
        again = end.answer if params.temperature == 0 else await self._again(end, params, f"{run.id}-again")
        forms = []
        for name in STYLES:
            forcing = end.asking(name, self._reasoning.end, self._reasoning.most_tokens, self._reasoning.extract)
            forced = await self._force(end, forcing, f"{run.id}-form-{name}", GREEDY)
            self._client.counters.probe_tokens += forced.decoded
            forms.append(judge(forcing, name, forced.texts, forced.decoded, end.answer, again))
        return EndTrial(end.before, end.after, forms)

    async def _force(
        self, end: EndOfReasoning, forcing: Forcing, request_id: str, fields: Mapping[str, Any]
    ) -> ForcedAnswer:
        forced = ForcedAnswer(self._call.tokenizer, forcing)
        try:
            await force(self._engine, self._call.tokenizer, end.prefix, forcing, forced, request_id, fields)
        finally:
            self.tokens += forced.decoded
        return forced

    async def _again(self, end: EndOfReasoning, params: Any, request_id: str) -> str:
        """What the model answers when it is asked again."""
        said: list[int] = []
        tokenizer = self._call.tokenizer
        prompt = [*end.prefix, *tokenizer.encode(self._reasoning.end, add_special_tokens=False)]
        params = again_params(params, self._engine.keeps_seeds)
        async with aclosing(self._engine.pieces(prompt, params, request_id)) as pieces:
            async for piece in pieces:
                said += piece.tokens
                self.tokens += len(piece.tokens)
                self._client.counters.probe_tokens += len(piece.tokens)
        return str(tokenizer.decode(said, skip_special_tokens=True))
