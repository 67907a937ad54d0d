"""The checks beside a reasoning, and how answers are forced in the engine."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from .._answers import Forcing
from .._telemetry import warn
from ..generation import Probe
from ..reasoning import TOP_TOKENS, ForcedAnswer, Row
from .engine import Engine
from .request import Request


class Checks:
    """The checks of one sample, one at a time. The reasoning goes on meanwhile.

    They leave room for other requests: at most a quarter of the engine's seats are for probes.

    Args:
        call: the request that the sample is of.
        engine: forces answers.
        row: the tokens of the sample.
    """

    def __init__(self, call: Request, engine: Engine, row: Row) -> None:
        self._call, self._plugin, self._engine, self._row = call, call.plugin, engine, row
        self._task: asyncio.Task[None] | None = None
        self._probing: tuple[int, ForcedAnswer] | None = None
        self._drawn_at: int | None = None
        self.unprobed = 0
        """Checks without an answer, since it was too long to be forced."""

    def advance(self) -> None:
        """Begins a check at exactly the token at which it is due, if there is room; otherwise it is left out.

        Raises:
            Exception: the fault of the check before.
        """
        is_free = self._task is None or self._task.done()
        if self._task is not None and is_free:
            self._task.result()
        if not is_free or not self._becomes_due():
            return
        plugin, run, forcing = self._plugin, self._row.run, self._row.forcing
        if plugin.probing >= plugin.most_probes or plugin.is_draining:
            plugin.counts.add("probes", "skipped")
            run.postpone(run.next_check)
            return
        assert forcing is not None  # otherwise no check is ever due
        self._task = asyncio.create_task(self._check(run.next_check, forcing))
        plugin.probing += 1
        self._task.add_done_callback(plugin.probed)

    def _becomes_due(self) -> bool:
        """Whether a check is due. The first one draws the arm."""
        run = self._row.run
        due = run.next_check
        is_due = self._row.is_due
        if is_due and run.arm is not None and self._drawn_at is None:
            self._drawn_at = due
        return is_due

    async def end(self) -> None:
        """Gives up a check that is under way. The tokens that its probe has decoded count in both arms."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if self._probing is not None and (self._row.run.steps or self._drawn_at is not None):
                self._spend(*self._probing)
        self.note_draw()

    def note_draw(self) -> None:
        """Has a generation reported whose arm was drawn, though no check of it has ended: it may be enrolled."""
        if self._drawn_at is not None and not self._row.run.steps:
            self._row.run.observe(self._drawn_at)

    def _spend(self, tokens: int, forced: ForcedAnswer) -> None:
        """Observes the cost of a probe without an answer."""
        self._probing = None
        self._row.run.observe(tokens, Probe(tokens=forced.decoded, prefill_tokens=forced.prefilled))

    async def _check(self, tokens: int, forcing: Forcing) -> None:
        call, row, client = self._call, self._row, self._plugin.client
        if row.run.asks_first:
            await client.check([row.ask(tokens)])
            if row.run.arm == "treated":
                return
        forced = ForcedAnswer(call.tokenizer, forcing)
        self._probing = tokens, forced
        try:
            prefix, request_id = [*call.prompt_ids, *row.tokens[:tokens]], f"{row.run.id}-probe-{tokens}"
            await force(self._engine, call.tokenizer, prefix, forcing, forced, request_id, call.probe_sampling)
            if forcing.needs_end and forced.is_cut:
                self.unprobed += 1
                self._spend(tokens, forced)
            else:
                row.observe(forced, tokens)
            self._probing = None
        except Exception as error:
            warn("vllm-probe", f"an answer can't be forced or read, so the reasoning goes on: {error!r}")
            self._spend(tokens, forced)
        await client.check([row.run])


async def force(
    engine: Engine, tokenizer: Any, prefix: list[int], forcing: Forcing, forced: ForcedAnswer, request_id: str,
    sampling: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Decodes greedily behind prompt and reasoning, up to the end of the answer, into `forced`.

    Args:
        sampling: further sampling parameters, such as a grammar.
    """
    prompt = [*prefix, *tokenizer.encode(forcing.ask, add_special_tokens=False)]
    params = engine.greedy(forcing.tokens, **(sampling or {}))
    async with aclosing(engine.pieces(prompt, params, request_id)) as pieces:
        async for piece in pieces:
            forced.prefilled = len(prompt) - piece.cached_tokens
            for place, (token, logprobs) in enumerate(piece.said, 1):
                top = sorted((one.logprob for one in logprobs.values()), reverse=True)[:TOP_TOKENS]
                is_end = piece.finish_reason == "stop" and place == len(piece.said)
                forced.add(token, logprobs[token].logprob, top, is_end and not piece.ends_with_text)
                forced.has_ended = is_end
            if forced.is_whole:
                break
