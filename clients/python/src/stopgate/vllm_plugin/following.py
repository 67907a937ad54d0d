"""Follows one sample: its reasoning, the checks beside it, and its outcome."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._answers import Forcing
from ..generation import Generation
from ..reasoning import ReasoningFormat, Row
from .checks import Checks
from .engine import Engine
from .form_checks import FormChecks
from .outputs import Closing, closing_of
from .replies import Action
from .request import Request


class Stop(NamedTuple):
    """A stop that is to be carried out."""

    kept: int
    """Tokens of the reasoning that the deciding probe saw."""
    closing: list[Closing]
    prompt: list[int]
    """Prompt, reasoning and closing text."""
    room: int
    """Tokens that the answer may have."""


class Follower:
    """Follows a sample. A method that raises has a fault: call `broke`, and the sample goes on as vLLM alone runs it.

    Args:
        call: the call of `generate` that the sample is of.
        run: its generation.
        drawn: how its probes are sampled.
    """

    def __init__(self, call: Request, run: Generation, drawn: Mapping[str, Any]) -> None:
        plugin = call.plugin
        self._call, self._plugin, self.run = call, plugin, run
        self._reasoning: ReasoningFormat = plugin.reasoning
        forcing = plugin.client.forms.forcing(run, self._reasoning)
        if call.action is not None:
            forcing = self._forcing_of(call.action, forcing)
        self._row = Row(run, call.tokenizer, self._reasoning, forcing, set(), 2**62)
        engine = Engine(plugin.generate, call.probe_options, call.prompt_fields, plugin.keeps_seeds)
        self._checks = Checks(call, engine, self._row, drawn)
        self._form_checks = FormChecks(call, engine, self._row, drawn)
        self._state = "thinking" if plugin.is_open(call.prompt_ids[-plugin.opening_window :]) else "waiting"
        self._ending: asyncio.Task[None] | None = None
        self._shown = self._received = 0
        self._reason: str | None = None
        self._is_stopped = self._is_counted = False

    def begin(self) -> None:
        """The sample has a seat: adopts the cadence known by now."""
        self.run.begin()
        while self.run.next_check < self._call.params.min_tokens:  # no answer may end before
            self.run.postpone(self.run.next_check)

    def _forcing_of(self, action: Action, forcing: Forcing | None) -> Forcing | None:
        """With the text that this model writes around its closing tag, as far as it is known."""
        form = None if forcing is None else forcing.form
        around = (form.before, form.after) if form is not None else self._plugin.around.get(self.run.context_key)
        return None if around is None else action.forcing(around[0], self._reasoning.end, around[1])

    @property
    def tokens(self) -> list[int]:
        """A copy of its tokens."""
        return [*self._row.tokens]

    def follow(self, output: Any) -> bool:
        """Reads an output. Returns whether to stop instead of passing it on."""
        return self._state not in ("absent", "broken") and self._read(output.outputs[0])

    def _read(self, one: Any) -> bool:
        row, self._reason = self._row, one.finish_reason
        is_open = row.reasoning_tokens is None
        for token in one.token_ids:
            row.add(token)
        self._received = len(row.tokens)
        if self._state == "waiting":
            self._wait()
        if self._state == "thinking" and is_open:
            if row.reasoning_tokens is not None:
                self._ending = asyncio.ensure_future(self._checks.complete())
            elif self._reason is None:
                if self.run.stopped and self._has_room():
                    return True
                self._checks.advance()
        self._shown = len(row.tokens)
        if self._reason is not None:
            self._tell()
        return False

    def _wait(self) -> None:
        """Looks for the tag that opens the reasoning in the first text of the model."""
        tokens = self._row.tokens
        if self._plugin.is_open(tokens):
            self._state = "thinking"
            return
        text = self._call.shown.decode(tokens).strip()
        if text and not self._plugin.open_text.startswith(text):
            self._state = "absent"
            self._plugin.counts.passed("no_reasoning")

    def _has_room(self) -> bool:
        """Whether an answer can still be written. If not, the decision came too late."""
        most, shown = self._call.params.max_tokens, 0 if self._call.is_whole else self._shown
        used = max(self.run.steps[-1].tokens, shown) + self._row.closing_tokens
        has_room = used < most and len(self._call.prompt_ids) + used < self._plugin.max_model_len
        has_room = has_room and not self._plugin.is_draining
        self.run.stopped = has_room
        return has_room

    def stop(self) -> Stop:
        """Closes the reasoning where the deciding probe saw it.

        Raises:
            Exception: a fault. Then call `refused`.
        """
        row, call = self._row, self._call
        kept, shown = self.run.steps[-1].tokens, 0 if call.is_whole else self._shown
        row.close()
        closing = closing_of(row.tokens[kept:], self._decode)
        room = call.params.max_tokens - max(kept, shown) - len(closing)
        self._is_stopped = True
        return Stop(kept, closing, [*call.prompt_ids, *row.tokens], room)

    def _decode(self, tokens: Sequence[int]) -> str:
        return self._call.decode(tokens)

    def refused(self) -> None:
        """The stop has failed, so the reasoning goes on without checks. Its outcome stays missing."""
        self._plugin.counts.add("failed_stops")
        self.broke("a stop")

    def answered(self, output: Any) -> None:
        """Reads an output of the answer after a stop."""
        if self._state == "broken":
            return
        one = output.outputs[0]
        self._reason = one.finish_reason
        for token in one.token_ids:
            self._row.add(token)
        if self._reason is not None:
            self._tell()

    def _tell(self) -> None:
        """Tells the reply about the generation, before its last output goes on."""
        run, row = self.run, self._row
        exchange = self._call.exchange
        if exchange is None:
            return
        threshold = (run.stopped_by or {}).get("threshold")
        exchange.tell(run.id, {
            "generation_id": run.id,
            "arm": run.arm,
            "stopped": self._is_stopped,
            "tokens": len(row.tokens) + row.discarded_tokens,
            "threshold": threshold if self._is_stopped else None,
            "probe_tokens": sum(step.probe_tokens for step in run.steps),
            "discarded_tokens": row.discarded_tokens,
        })  # fmt: skip

    def end(self) -> None:
        """The sample has ended: reports its outcome in the background."""
        if self._state != "broken":
            self._plugin.in_background(self._end())

    async def _end(self) -> None:
        try:
            await (self._ending or self._checks.complete())
            if self._state in ("absent", "waiting", "broken"):
                return
            run, row, call = self.run, self._row, self._call
            run.stopped = self._is_stopped
            if self._reason in ("abort", "error"):  # by the server itself: it stays missing
                self._count("failed")
                return
            has_ended = self._reason == "stop" and not run.stopped and row.reasoning_tokens is not None
            if has_ended and not self._plugin.is_draining:
                await self._ask_at_end()
            if run.steps:
                row.finish(call.reference)
            self._count("stopped" if run.stopped else "finished" if row.reasoning_tokens is not None else "unfinished")
        except Exception:
            self.broke("the report of a generation")

    async def _ask_at_end(self) -> None:
        call, plugin = self._call, self._plugin
        if call.action is None:
            await self._form_checks.ask()
        elif call.action is not None and self._row.forcing is None:
            end = self._row.end(call.prompt_ids)
            if end is not None:
                plugin.learn_around(self.run.context_key, end.before, end.after)

    def _count(self, end: str) -> None:
        if self._is_counted:
            return
        self._is_counted = True
        counts, run, row = self._plugin.counts, self.run, self._row
        steps = [step for step in run.steps if step.probe_tokens]
        answered = sum(step.answer is not None for step in steps)
        unprobed = self._checks.unprobed
        for name, count in (("ok", answered), ("unprobed", unprobed), ("failed", len(steps) - answered - unprobed)):
            if count > 0:
                counts.add("probes", name, count=count)
        reasoning = len(row.tokens) if row.reasoning_tokens is None else row.reasoning_tokens
        counts.add("probe_tokens", count=sum(step.probe_tokens for step in steps) + self._form_checks.tokens)
        counts.add("tokens", "reasoning", count=reasoning)
        counts.add("tokens", "discarded", count=row.discarded_tokens)
        counts.add("tokens", "answer", count=len(row.tokens) - reasoning)
        counts.add("generations", run.arm or "none", end)

    def gone(self) -> None:
        """The client went away."""
        if self._state in ("absent", "broken"):
            return
        if self._reason is not None:
            self.end()
            return
        self._checks.note_draw()
        self.run.stopped = False  # cancelled, whatever was decided
        self.run.cancel(self._received)
        self._plugin.in_background(self._give_up("cancelled"))

    def failed(self) -> None:
        """The sample has failed, and not because its client went away: its outcome stays missing."""
        if self._state not in ("absent", "waiting", "broken"):
            self._plugin.in_background(self._give_up("failed"))

    def restarts(self) -> None:
        """After the fault that is being handled vLLM alone serves the sample again: its outcome stays missing."""
        if self._call.exchange is not None:
            self._call.exchange.tell(self.run.id, None)
        self.broke("the outputs of a request, which starts again")

    async def _give_up(self, end: str) -> None:
        try:
            await self._checks.end()
            self._count(end)
        except Exception:
            self._plugin.counts.fault("the end of a check")

    def broke(self, where: str) -> None:
        """Follows the sample no more, after the fault that is being handled. Its outcome stays missing."""
        has_begun = self._state not in ("absent", "waiting")
        self._state = "broken"
        self._plugin.counts.fault(where)
        try:
            if has_begun:
                self._plugin.in_background(self._give_up("failed"))
        except Exception:
            self._plugin.counts.fault("the end of a check")
