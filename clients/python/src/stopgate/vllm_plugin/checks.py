"""The checks beside a reasoning, and how answers are forced in the engine."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from .._answers import Forcing
from .._telemetry import warn
from ..generation import NEVER, Probe
from ..reasoning import TOP_TOKENS, ForcedAnswer, Row
from .engine import Engine
from .parameters import probe_params
from .request import Request

ENGINE_FULL = (
    "more probes wait for seats than it has, so that nothing is learned from these generations, and none of them is "
    "stopped: give probes more seats (STOPGATE_PROBE_SEATS), the engine more of them (--max-num-seqs), or add replicas"
)


COMPLETE_SECONDS = 60.0
"""Time after the end of a reasoning in which the checks of a control sample may be made."""


class Checks:
    """The checks of one sample, one at a time. The reasoning goes on meanwhile.

    Where probes have to wait for seats, a control sample is probed at all its checks nevertheless, the last ones after
    the end of its reasoning, since the evidence is about all of them. A treated one leaves out those that come too late
    to stop it. One that begins while too many probes wait is left out from the beginning, before its arm is drawn.

    Args:
        call: the request that the sample is of.
        engine: forces answers.
        row: the tokens of the sample.
        drawn: how probes are sampled: as the answer would be.
    """

    def __init__(self, call: Request, engine: Engine, row: Row, drawn: Mapping[str, Any]) -> None:
        self._call, self._plugin, self._engine, self._row, self._drawn = call, call.plugin, engine, row, drawn
        self._task: asyncio.Task[None] | None = None
        self._probing: tuple[int, ForcedAnswer] | None = None
        self._drawn_at: int | None = None
        self._is_over = False
        self.unprobed = 0
        """Checks without an answer, since it was too long to be forced."""

    def advance(self) -> None:
        """Begins a check at exactly the token at which it is due.

        Raises:
            Exception: the fault of the check before.
        """
        is_free = self._task is None or self._task.done()
        if self._task is not None and is_free:
            self._task.result()
        if not is_free or self._leaves_out() or not self._becomes_due():
            return
        run, forcing = self._row.run, self._row.forcing
        if self._plugin.is_draining:
            self._skip(run.next_check)
            return
        assert forcing is not None  # otherwise no check is ever due
        self._task = asyncio.create_task(self._check(run.next_check, forcing))

    def _leaves_out(self) -> bool:
        """Whether the sample is left out. Whether it is does not depend on its arm, which is not drawn yet."""
        run, row = self._row.run, self._row
        is_first = run.arm is None and not run.steps and row.forcing is not None
        if is_first and len(row.tokens) >= run.next_check and self._plugin.seats.is_full:
            run.next_check = NEVER
            self._plugin.counts.passed("engine_full", ENGINE_FULL)
        return run.next_check == NEVER

    def _skip(self, tokens: int) -> None:
        self._plugin.counts.add("probes", "skipped")
        self._row.run.postpone(tokens)

    def _becomes_due(self) -> bool:
        """Whether a check is due. The first one draws the arm."""
        run = self._row.run
        due = run.next_check
        is_due = self._row.is_due
        if is_due and run.arm is not None and self._drawn_at is None:
            self._drawn_at = due
        return is_due

    async def complete(self) -> None:
        """The reasoning has ended: makes the checks of a control sample that are left, and gives up that of another.

        Raises:
            Exception: the fault of a check.
        """
        row, run, forcing = self._row, self._row.run, self._row.forcing
        if forcing is None or run.arm != "control":
            await self.end()
            return
        most = len(row.tokens) if row.reasoning_tokens is None else row.reasoning_tokens
        deadline = time.monotonic() + COMPLETE_SECONDS
        while not self._is_over and not self._plugin.is_draining:
            if self._task is None:
                if run.next_check > most:
                    break
                self._task = asyncio.create_task(self._check(run.next_check, forcing))
            task = self._task
            await asyncio.wait([task], timeout=max(0.0, deadline - time.monotonic()))
            if self._task is not task:
                return  # it was given up
            if not task.done():
                break
            self._task = None
            task.result()
        await self.end()

    async def end(self) -> None:
        """Gives up a check that is under way. The tokens that its probe has decoded count in both arms."""
        self._is_over = True
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
        row, client = self._row, self._plugin.client
        if row.run.asks_first:
            await client.check([row.ask(tokens)])
            if row.run.arm == "treated":
                return
        await self._plugin.seats.enter_probe(row.run.arm == "control")
        try:
            await self._probe(self._timely(tokens), forcing)
        finally:
            self._plugin.seats.leave_probe()
        await client.check([row.run])

    def _timely(self, tokens: int) -> int:
        """The check to make now that there is a seat: of a treated sample the last one that is due."""
        run = self._row.run
        while run.arm != "control":
            run.postpone(tokens)
            if run.next_check > len(self._row.tokens):
                run.next_check = tokens
                break
            self._plugin.counts.add("probes", "skipped")
            tokens = run.next_check
        return tokens

    async def _probe(self, tokens: int, forcing: Forcing) -> None:
        call, row = self._call, self._row
        forced = ForcedAnswer(call.tokenizer, forcing)
        self._probing = tokens, forced
        try:
            prefix, request_id = [*call.prompt_ids, *row.tokens[:tokens]], f"{row.run.id}-probe-{tokens}"
            await force(self._engine, call.tokenizer, prefix, forcing, forced, request_id, self._drawn)
            if forcing.needs_end and forced.is_cut:
                self.unprobed += 1
                self._spend(tokens, forced)
            else:
                row.observe(forced, tokens)
            self._probing = None
        except Exception as error:
            warn("vllm-probe", f"an answer can't be forced or read, so the reasoning goes on: {error!r}")
            self._spend(tokens, forced)


async def force(
    engine: Engine, tokenizer: Any, prefix: list[int], forcing: Forcing, forced: ForcedAnswer, request_id: str,
    fields: Mapping[str, Any],
) -> None:  # fmt: skip
    """Decodes behind prompt and reasoning, up to the end of the answer, into `forced`.

    Args:
        fields: sampling parameters, from `probe_fields`, or `GREEDY`.
    """
    prompt = [*prefix, *tokenizer.encode(forcing.ask, add_special_tokens=False)]
    params = probe_params(fields, forcing.tokens, engine.keeps_seeds)
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
