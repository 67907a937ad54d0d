"""Stops generations of an engine that only completes token ids: it generates up to the next check, turn by turn."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, NamedTuple

from ._answers import STYLES, EndOfReasoning, EndTrial, Forcing, judge
from ._probe_forms import ProbeForms
from ._telemetry import Counters
from .aio import AsyncClient
from .client import Client
from .generation import Generation, Probe
from .reasoning import ForcedAnswer, ReasoningFormat, Row


class Turn(NamedTuple):
    """What the engine is asked for."""

    prompt: list[int]
    """Token ids, of which all but the last few are in the prefix cache after the first turn."""
    max_tokens: int
    is_greedy: bool
    """Whether to decode greedily, to try a form of forced answers; otherwise as the rollout is sampled."""
    is_forced: bool = False
    """Whether it forces an answer, of which all tokens are wanted at once."""


class Said(NamedTuple):
    """What the engine completes."""

    tokens: list[int]
    """With the token that ends the sequence, if any. There may be fewer than were asked for."""
    logprobs: "list[float | None] | None"
    """Natural logarithm of the probability of each token; None: unknown."""
    has_ended: bool
    """Whether the sequence has ended, by a token or a stop text."""


ASKING_TOKENS = 32
"""Room for the text that asks for an answer."""

Request = Turn | Generation | Callable[[], Any]
"""What a rollout waits for: tokens, a decision about the step just observed, or the result of a call that blocks."""


class TurnByTurn:
    """A rollout as a generator of requests, so that a batch, a thread or an event loop may answer them.

    Args:
        row: its tokens.
        prompt: with the reasoning open.
        tokenizer: of the model.
        forms: how answers are forced.
        counters: of the client.
        reasoning: the texts around the reasoning.
        closes: whether a stopped rollout gets its reasoning closed and writes its answer; otherwise it ends there.
        searches: whether forms are tried at its end where none is known.
        most_tokens: of a prompt and its completion, that the engine takes; None: any number.
    """

    def __init__(
        self, row: Row, prompt: list[int], tokenizer: Any, forms: ProbeForms, counters: Counters,
        reasoning: ReasoningFormat, closes: bool, searches: bool = True, most_tokens: int | None = None,
    ) -> None:  # fmt: skip
        self._most_tokens = most_tokens
        self.row, self._prompt, self._tokenizer, self._forms, self._counters = row, prompt, tokenizer, forms, counters
        self._reasoning, self._closes, self._searches = reasoning, closes, searches
        self.logprobs: list[float | None] = []
        """Of each token; None: it was forced, or the engine does not say."""

    def requests(self) -> Generator[Request, Any, None]:
        """The requests, up to the end of the rollout. It isn't reported."""
        row = self.row
        while not row.is_done:
            wanted = row.left if row.next_turn is None else min(row.left, row.next_turn)
            self._add((yield Turn([*self._prompt, *row.tokens], wanted, is_greedy=False)))
            if row.is_due:
                yield from self._check()
        yield from self._ask_at_end()

    def _add(self, said: Said) -> None:
        before = len(self.row.tokens)
        for token in said.tokens:
            if not self.row.is_done:
                self.row.add(token)
        added = len(self.row.tokens) - before
        self.logprobs += (said.logprobs or [None] * added)[:added]
        self.row.is_done |= said.has_ended

    def _check(self) -> Generator[Request, Any, None]:
        row, forcing = self.row, self.row.forcing
        assert forcing is not None  # otherwise it is never due
        if not self._has_room(len(self._prompt) + len(row.tokens) + forcing.tokens):
            row.run.postpone(len(row.tokens))
            return
        if row.run.asks_first:
            yield row.ask()
            if row.run.arm == "treated":
                return
        forced = yield from self._force([*self._prompt, *row.tokens], forcing)
        yield row.observe(forced)
        if not row.run.stopped:
            return
        if self._closes:
            row.stop()
            row.write_closing()
            self.logprobs += [None] * (len(row.tokens) - len(self.logprobs))
        else:
            row.truncate()

    def _has_room(self, tokens: int) -> bool:
        """Whether the engine takes so many tokens and those that ask for an answer."""
        return self._most_tokens is None or tokens + ASKING_TOKENS <= self._most_tokens

    def _force(
        self, prefix: list[int], forcing: Forcing, is_greedy: bool = False
    ) -> Generator[Request, Any, ForcedAnswer]:
        """Forces an answer, drawn as the rollout is, since its own answer would be."""
        asked = self._tokenizer.encode(forcing.ask, add_special_tokens=False)
        said = yield Turn([*prefix, *asked], forcing.tokens, is_greedy, is_forced=True)
        forced = ForcedAnswer(self._tokenizer, forcing)
        logprobs = said.logprobs or [None] * len(said.tokens)
        for token, logprob in list(zip(said.tokens, logprobs, strict=True))[: forcing.tokens]:
            if not forced.has_ended:
                forced.add(token, logprob or 0.0, [], self.row.ends_with(token))
                forced.has_ended |= forced.is_whole
        return forced

    def _ask_at_end(self) -> Generator[Request, Any, None]:
        """Tries all forms where none is known yet, and checks the form in force on one control rollout in twenty."""
        row, run = self.row, self.row.run
        end = row.end(self._prompt) if row.has_ended else None
        if end is None or not self._has_room(len(end.prefix) + len(end.answer) + 4 * self._reasoning.most_tokens):
            return
        if row.forcing is None:
            if self._searches and (yield lambda: self._forms.claims(run)):
                try:
                    trial = yield from self._trial(end)
                except BaseException:
                    self._forms.failed(run)
                    raise
                yield lambda: self._forms.tried(run, trial, self._reasoning.most_tokens)
        elif run.arm == "control" and self._forms.asks_at_end(run):
            forced = yield from self._force(end.prefix, end.checking(row.forcing))
            run.probed_at_end(Probe(forced.answer, tokens=forced.decoded))

    def _trial(self, end: EndOfReasoning) -> Generator[Request, Any, EndTrial]:
        close = self._tokenizer.encode(self._reasoning.end, add_special_tokens=False)
        most = 4 * self._reasoning.most_tokens + len(end.answer)
        tokens: list[int] = []
        has_ended = False
        while not has_ended and len(tokens) < most:  # a round ends with its shortest turn
            said = yield Turn([*end.prefix, *close, *tokens], most - len(tokens), is_greedy=False)
            tokens += said.tokens
            has_ended = said.has_ended or not said.tokens
        again = self._tokenizer.decode(tokens, skip_special_tokens=True)
        forms = []
        for name in STYLES:
            forcing = end.asking(name, self._reasoning.end, self._reasoning.most_tokens, self._reasoning.extract)
            forced = yield from self._force(end.prefix, forcing, is_greedy=True)
            self._counters.probe_tokens += forced.decoded
            forms.append(judge(forcing, name, forced.texts, forced.decoded, end.answer, again))
        return EndTrial(end.before, end.after, forms)


def run_batch(
    rollouts: Sequence[TurnByTurn],
    client: Client,
    complete: Callable[[list[Turn]], list[Said]],
    is_over: Callable[[bool], bool] = bool,
) -> None:
    """Runs rollouts at once, in rounds.

    Args:
        client: decides about all that ask at the same time in one call.
        complete: completes the turns of a round.
        is_over: whether to end, given whether all rollouts here have ended: other processes may need more rounds.
    """
    requests = [one.requests() for one in rollouts]
    waiting: dict[int, Request] = {}

    def go_on(place: int, answer: Any = None) -> None:
        try:
            waiting[place] = requests[place].send(answer)
        except StopIteration:
            waiting.pop(place, None)

    for place in range(len(requests)):
        go_on(place)
    while True:
        while others := {place: one for place, one in waiting.items() if not isinstance(one, Turn)}:
            client.check([one for one in others.values() if isinstance(one, Generation)])
            for place, one in others.items():
                go_on(place, None if isinstance(one, Generation) else one())
        if is_over(not waiting):
            return
        turns = {place: one for place, one in waiting.items() if isinstance(one, Turn)}
        for place, said in zip(turns, complete(list(turns.values())), strict=True):
            go_on(place, said)


async def run_alone(rollout: TurnByTurn, client: AsyncClient, complete: Callable[[Turn], Awaitable[Said]]) -> None:
    """Runs one rollout in an event loop."""
    requests, answer = rollout.requests(), None
    while True:
        try:
            request = requests.send(answer)
        except StopIteration:
            return
        if isinstance(request, Turn):
            answer = await complete(request)
        elif isinstance(request, Generation):
            await client.check([request])
            answer = None
        else:
            answer = await asyncio.to_thread(request)
