"""Stops the reasoning of rollouts in vLLM, in the engine's own process."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

from vllm import SamplingParams

from ._answers import STYLES, EndOfReasoning, EndTrial, Forcing, judge
from ._telemetry import warn
from ._vllm_engine import Engine, must_keep_seeds
from .aio import AsyncClient
from .generation import Generation, Probe
from .reasoning import TOP_TOKENS, ForcedAnswer, ReasoningFormat, Row

__all__ = ["ReasoningFormat", "Rollout", "generate"]


class Checks:
    """The checks of one rollout, one at a time. The reasoning goes on meanwhile.

    Args:
        engine: forces answers.
        tokenizer: of the model.
        client: decides.
        prompt: of the rollout.
        row: its tokens.
        sampling: further sampling parameters of forced answers, such as a grammar.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Any,
        client: AsyncClient,
        prompt: list[int],
        row: Row,
        sampling: Mapping[str, Any] | None = None,
    ) -> None:
        self._engine, self._tokenizer, self._client = engine, tokenizer, client
        self._prompt, self._row, self._sampling = prompt, row, sampling or {}
        self._task: asyncio.Task[None] | None = None
        self._probing: tuple[int, ForcedAnswer] | None = None
        self._drawn_at: int | None = None
        self.unprobed = 0
        """Checks without an answer, since it was too long to be forced."""

    def advance(self) -> None:
        """Begins a check if one is due, at exactly the token at which it is due."""
        if (self._task is None or self._task.done()) and self.becomes_due():
            assert self._row.forcing is not None  # otherwise it is never due
            self._task = asyncio.create_task(self._check(self._row.run.next_check, self._row.forcing))

    def becomes_due(self) -> bool:
        """Whether a check is due. At the first one a client that decides locally draws the arm."""
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
        run = self._row.run
        if run.asks_first:
            await self._client.check([self._row.ask(tokens)])
            if run.arm == "treated":
                return
        forced = ForcedAnswer(self._tokenizer, forcing)
        self._probing = tokens, forced
        try:
            prompt, request_id = [*self._prompt, *self._row.tokens[:tokens]], f"{self._row.run.id}-probe-{tokens}"
            await force(self._engine, self._tokenizer, prompt, forcing, forced, request_id, self._sampling)
            if forcing.needs_end and forced.is_cut:
                self.unprobed += 1
                self._spend(tokens, forced)
            else:
                self._row.observe(forced, tokens)
            self._probing = None
        except Exception as error:
            warn("vllm-probe", f"an answer can't be forced or read, so the reasoning goes on: {error!r}")
            self._spend(tokens, forced)
        await self._client.check([self._row.run])


async def force(
    engine: Engine, tokenizer: Any, prefix: list[int], forcing: Forcing, forced: ForcedAnswer, request_id: str,
    sampling: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Decodes greedily behind prompt and reasoning, up to the end of the answer, into `forced`."""
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


class Rollout(NamedTuple):
    """A finished rollout."""

    answer: str
    """The result of `ReasoningFormat.extract` on `text`; without `extract`, the text stripped."""
    text: str
    """The text that the model wrote after its reasoning."""
    tokens: list[int]
    """All tokens: the reasoning, its closing text, the answer, and the end of the sequence."""
    logprobs: list[float | None]
    """Of each of `tokens`; None: the model did not choose the token, so that a loss must leave it out."""
    reasoning_tokens: int
    """Tokens of the reasoning."""
    stopped: bool
    """Whether the reasoning was stopped."""
    discarded_tokens: int
    """Tokens of the reasoning that were generated while the probe decided, and are none of `tokens`."""
    finish_reason: str | None
    """Reason of the engine, such as "stop" or "length"."""


class Roller:
    """Makes rollouts.

    Args:
        engine: generates.
        tokenizer: of the model.
        client: decides, and reports.
        reasoning: how reasoning is closed.
    """

    def __init__(self, engine: Engine, tokenizer: Any, client: AsyncClient, reasoning: ReasoningFormat) -> None:
        self._engine, self._tokenizer, self._client, self._reasoning = engine, tokenizer, client, reasoning
        self.end_tokens = 0  # decoded for answers that are forced at the end of reasoning

    async def roll(
        self, prompt: list[int], params: SamplingParams, run: Generation, reference: "str | list[str] | None"
    ) -> Rollout:
        """Generates to the end, which may come early, and reports the outcome."""
        run.begin()
        forcing = await asyncio.to_thread(self._client.forms.forcing, run, self._reasoning)
        params, limit = params.clone(), params.max_tokens
        params.logprobs = params.logprobs or 0  # 0: of the token alone
        row = Row(run, self._tokenizer, self._reasoning, forcing, set(), 2**62 if limit is None else limit)
        logprobs: list[float | None] = []
        checks = Checks(self._engine, self._tokenizer, self._client, prompt, row)
        try:
            reason = await self._think(prompt, params, row, logprobs, checks)
        finally:
            await checks.end()
        if row.reasoning_tokens is not None or reason is not None:
            run.stopped = False  # a decision that came too late
        elif run.stopped:
            row.close()
            del logprobs[row.reasoning_tokens :]
            logprobs += [None] * (len(row.tokens) - len(logprobs))
            reason = await self._answer(prompt, params, row, logprobs)
        if reason == "stop":
            await self.ask_at_end(prompt, params, row)
        done = row.finish(reference)
        return Rollout(*done[:3], logprobs, *done[3:5], row.discarded_tokens, reason)

    async def ask_at_end(self, prompt: list[int], params: SamplingParams, row: Row) -> None:
        """Tries all forms where none is known yet, and checks the form in force on one control rollout in twenty."""
        end, run, forms = row.end(prompt), row.run, self._client.forms
        if end is None:
            return
        try:
            if row.forcing is None and await asyncio.to_thread(forms.claims, run):
                try:
                    trial = await self._trial(end, params, run)
                    await asyncio.to_thread(forms.tried, run, trial, self._reasoning.most_tokens)
                except BaseException:
                    forms.failed(run)
                    raise
            elif row.forcing is not None and run.arm == "control" and forms.asks_at_end(run):
                forced = await self._force(end, end.checking(row.forcing), f"{run.id}-end")
                run.probed_at_end(Probe(forced.answer, tokens=forced.decoded, prefill_tokens=forced.prefilled))
        except Exception as error:
            warn("vllm-end", f"no answer can be forced at the end of a reasoning: {error!r}")

    async def _trial(self, end: EndOfReasoning, params: SamplingParams, run: Generation) -> EndTrial:
        again = end.answer if params.temperature == 0 else await self._again(end, params, f"{run.id}-again")
        forms = []
        for name in STYLES:
            forcing = end.asking(name, self._reasoning.end, self._reasoning.most_tokens, self._reasoning.extract)
            forced = await self._force(end, forcing, f"{run.id}-form-{name}")
            self._client.counters.probe_tokens += forced.decoded
            forms.append(judge(forcing, name, forced.texts, forced.decoded, end.answer, again))
        return EndTrial(end.before, end.after, forms)

    async def _force(self, end: EndOfReasoning, forcing: Forcing, request_id: str) -> ForcedAnswer:
        forced = ForcedAnswer(self._tokenizer, forcing)
        try:
            await force(self._engine, self._tokenizer, end.prefix, forcing, forced, request_id)
        finally:
            self.end_tokens += forced.decoded
        return forced

    async def _again(self, end: EndOfReasoning, params: SamplingParams, request_id: str) -> str:
        """What the model answers when it is asked again."""
        said: list[int] = []
        prompt = [*end.prefix, *self._tokenizer.encode(self._reasoning.end, add_special_tokens=False)]
        async with aclosing(self._engine.pieces(prompt, self._engine.again(params), request_id)) as pieces:
            async for piece in pieces:
                said += piece.tokens
                self.end_tokens += len(piece.tokens)
                self._client.counters.probe_tokens += len(piece.tokens)
        return str(self._tokenizer.decode(said, skip_special_tokens=True))

    async def _think(
        self, prompt: list[int], params: SamplingParams, row: Row, logprobs: list[float | None], checks: Checks
    ) -> str | None:
        """Generates until the end, or until the reasoning is to be stopped, and returns the reason of the end."""
        reason = None
        async with aclosing(self._engine.pieces(prompt, params, row.run.id)) as pieces:
            async for piece in pieces:
                reason = piece.finish_reason
                for token, of in piece.said:
                    row.add(token)
                    logprobs.append(of[token].logprob)
                if row.reasoning_tokens is not None:
                    await checks.end()
                elif row.run.stopped and reason is None:
                    break
                elif reason is None:
                    checks.advance()
        return reason

    async def _answer(
        self, prompt: list[int], params: SamplingParams, row: Row, logprobs: list[float | None]
    ) -> str | None:
        """Lets the model write its answer after the closed reasoning."""
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


async def generate(
    engine: Any,
    tokenizer: Any,
    prompts: Sequence[list[int]],
    client: AsyncClient,
    runs: Sequence[Generation],
    sampling: SamplingParams | Sequence[SamplingParams],
    *,
    reasoning: ReasoningFormat | None = None,
    references: "Sequence[str | list[str]] | None" = None,
    concurrency: int | None = None,
    **options: Any,
) -> list[Rollout]:
    """Generates one rollout for each prompt, and reports it.

    The reasoning goes on while an answer is forced by a second request, from the prefix cache. At a stop the request of
    the reasoning is aborted, and the model writes its answer after exactly the reasoning that the probe had, closed.

    Args:
        engine: an `AsyncLLM`.
        tokenizer: its tokenizer.
        prompts: token ids, each with its reasoning open. A prompt with several samples is there several times.
        client: asks and reports.
        runs: a new generation for each prompt, from `client.generation()`.
        sampling: of all rollouts, or of each; with `n` of 1.
        reasoning: how reasoning is closed.
        references: right answers, for the service to grade with; None: `grade` of the runs, or labels that come later.
        concurrency: rollouts at once. The engine serves requests in the order of arrival, so that probes would
            wait behind all of a larger batch. None: three quarters of the engine's `max_num_seqs`.
        options: passed to `engine.generate()` with each request, such as `lora_request`.

    Returns:
        The rollouts, in the order of the prompts.

    Raises:
        ValueError: the numbers of prompts, runs and sampling parameters differ, or `n` is not 1.
        Exception: any exception of the engine. Then all other rollouts are aborted, and none of these is reported.
    """
    each = list(sampling) if isinstance(sampling, Sequence) else [sampling] * len(prompts)
    if not len(each) == len(runs) == len(prompts):
        raise ValueError(f"{len(prompts)} prompts need as many runs and sampling parameters")
    if any(params.n != 1 for params in each):
        raise ValueError("repeat the prompt instead of asking for n samples")
    right = [None] * len(prompts) if references is None else references
    free = asyncio.Semaphore(concurrency or max(1, engine.vllm_config.scheduler_config.max_num_seqs * 3 // 4))
    requests = Engine(engine.generate, options, keeps_seeds=must_keep_seeds(engine.vllm_config))
    roller = Roller(requests, tokenizer, client, reasoning or ReasoningFormat())

    async def one(place: int) -> Rollout:
        async with free:
            prompt = list(prompts[place])
            runs[place].mark_prompt(prompt, lambda: str(tokenizer.decode(prompt, skip_special_tokens=True)))
            return await roller.roll(prompt, each[place], runs[place], right[place])

    tasks = [asyncio.create_task(one(place)) for place in range(len(prompts))]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
