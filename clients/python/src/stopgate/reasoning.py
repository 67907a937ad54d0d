"""Reasoning in tokens: how it is closed, how an answer is forced, and the rows of a batch."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from typing import Any, Literal, NamedTuple

from ._answers import SEARCHED_TOKENS, STATED_TOKENS, STYLES, EndOfReasoning, Forcing, FormName, ProbeForm, end_of
from .generation import Generation, Probe
from .signals import Signals, confidence

TOP_TOKENS = 20
"""Number of most probable tokens, at each place, that the signals are computed from."""


@dataclass(frozen=True)
class ReasoningFormat:
    """The texts around the reasoning, and how an answer is forced. The model shows all but the closing tag.

    Attributes:
        end: what the model writes at the end of its reasoning.
        close: written instead of `end` at a stop; the model goes on from there. None: as the probe form says.
        ask: written after a copy of the reasoning to force an answer. None: likewise.
        answer_tokens: greatest number of tokens of a forced answer. None: as many as the first generations need, up to
            64; 16 where a form is stated.
        extract: finds the answer to compare and to grade in the text that follows the reasoning; where an answer is
            forced, the words of the form are part of that text, those of `ask` are not. None: as the form reads it.
        probe: the form in which answers are forced: a line behind "Final answer:" (plain), in a box (boxed), a letter
            (choice), JSON, or only behind the closed reasoning (direct). "auto": the first twenty generations of a
            context show which one the model wants. Of no effect where `close` or `ask` is given.
    """

    end: str = "</think>"
    close: str | None = None
    ask: str | None = None
    answer_tokens: int | None = None
    extract: Callable[[str], str] | None = None
    probe: Literal["auto"] | FormName = "auto"

    @property
    def most_tokens(self) -> int:
        """Greatest number of tokens of a forced answer while a form is searched for."""
        return self.answer_tokens or SEARCHED_TOKENS

    def read(self, text: str) -> str:
        """The answer in the text that follows the reasoning, whatever the form."""
        return (self.extract or str.strip)(text)

    def stated(self) -> Forcing | None:
        """How answers are forced, as far as it is stated; None: it is found."""
        tokens = self.answer_tokens or STATED_TOKENS
        if self.close is None and self.ask is None:
            if self.probe == "auto":
                return None
            form = ProbeForm(self.probe, STYLES[self.probe].suffix, "\n", "\n\n", tokens)
            return Forcing.of(form, self.end, self.extract)
        close = self.close if self.close is not None else f"\n{self.end}\n\n"
        ask = self.ask if self.ask is not None else f"{close}{STYLES['plain'].suffix}"
        before, tag, after = close.partition(self.end)
        known = ProbeForm("plain", ask[len(close) :], before, after, tokens)
        return Forcing(
            close,
            ask,
            tokens,
            STYLES["plain"].is_whole,
            lambda text: self.read(text.strip().split("\n")[0]),
            self.read,
            known if tag and ask.startswith(close) else None,
        )


class ForcedAnswer:
    """The answer that is being forced at one check of a generation.

    Args:
        tokenizer: of the model.
        forcing: how it is forced.
        prefilled: number of tokens that had to be prefilled for it.
    """

    def __init__(self, tokenizer: Any, forcing: Forcing, prefilled: int = 0) -> None:
        self.tokens: list[int] = []
        self.has_ended = False
        self._tokenizer, self._forcing = tokenizer, forcing
        self.prefilled, self.decoded = prefilled, 0
        self._logprobs: list[float] = []
        self._tops: list[list[float]] = []

    def add(self, token: int, logprob: float, top: list[float], is_end: bool) -> None:
        """Adds the next token. A token that ends the sequence is not part of the answer."""
        self.decoded += 1
        self.has_ended = is_end
        if not is_end:
            self.tokens.append(token)
            self._logprobs.append(logprob)
            self._tops.append(top)

    @property
    def text(self) -> str:
        """All that was decoded."""
        text: str = self._tokenizer.decode(self.tokens, skip_special_tokens=True)
        return text

    @property
    def texts(self) -> list[str]:
        """The text after each token."""
        decode = self._tokenizer.decode
        return [decode(self.tokens[: n + 1], skip_special_tokens=True) for n in range(len(self.tokens))]

    @property
    def is_whole(self) -> bool:
        """Whether the text has the whole answer."""
        return self._forcing.is_whole(self.text)

    @property
    def is_cut(self) -> bool:
        """Whether its tokens ran out before its end."""
        return not self.has_ended and not self.is_whole

    @property
    def answer(self) -> str:
        """The answer in the text."""
        return self._forcing.forced(self.text)

    def probe(self, signals: Signals, recent: list[int]) -> Probe:
        """The probe that the client observes.

        Args:
            signals: those of the generation.
            recent: its tokens since the last check.
        """
        # All that a long answer must repeat is certain, and would hide in the mean what is not.
        sure = exp(sum(self._logprobs)) if self._forcing.needs_end else confidence(self._logprobs)
        answer = self.answer
        values = signals.add(answer, sure, self._tops, self._tokenizer.decode(recent), len(recent))
        return Probe(answer, sure, values, tokens=self.decoded, prefill_tokens=self.prefilled)


class Finished(NamedTuple):
    """A row that has ended."""

    answer: str
    """The result of `ReasoningFormat.extract` on `text`; without `extract`, the text stripped."""
    text: str
    """The text that the model wrote after its reasoning."""
    tokens: list[int]
    """All tokens: the reasoning, its closing text, the answer, and the end of the sequence."""
    reasoning_tokens: int
    """Number of tokens of the reasoning."""
    stopped: bool
    """Whether the reasoning was stopped."""
    logprobs: list[float] | None = None
    """Of each token, by the model alone, without temperature and such; None: not asked for."""


class Row:
    """A generation of a batch, with its tokens.

    Args:
        run: the generation.
        tokenizer: of the model.
        reasoning: the texts around the reasoning.
        forcing: how answers are forced; None: the row is not probed.
        ends: tokens that end a sequence.
        limit: greatest number of tokens to generate.
    """

    def __init__(
        self,
        run: Generation,
        tokenizer: Any,
        reasoning: ReasoningFormat,
        forcing: Forcing | None,
        ends: set[int],
        limit: int,
    ) -> None:
        self.run, self.forcing = run, forcing
        self._tokenizer, self._reasoning, self._ends, self._limit = tokenizer, reasoning, ends, limit
        self._end: list[int] = tokenizer.encode(reasoning.end, add_special_tokens=False)
        close = reasoning.end if forcing is None else forcing.close
        self._close: list[int] = tokenizer.encode(close, add_special_tokens=False)
        self._to_write: deque[int] = deque()
        self._signals, self._checked_at = Signals(), 0
        self.forced: list[list[int]] = []
        """The tokens that were forced at each probed step, in order."""
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        """Of each token, if they are asked for."""
        self.reasoning_tokens: int | None = None
        self.discarded_tokens = 0
        self.is_done = False

    @property
    def is_due(self) -> bool:
        """Whether to ask about the row now."""
        is_open = self.forcing is not None and self.reasoning_tokens is None and not self.is_done
        # Tokens may come several at once, and the check is at the one at which it is due.
        return is_open and self.run.due(min(len(self.tokens), self.run.next_check))

    @property
    def left(self) -> int:
        """Number of tokens that it may still have."""
        return self._limit - len(self.tokens)

    @property
    def next_turn(self) -> int | None:
        """Number of tokens up to its next check; None: it is not asked about any more."""
        is_open = self.forcing is not None and self.reasoning_tokens is None
        return max(1, self.run.next_check - len(self.tokens)) if is_open else None

    def ends_with(self, token: int) -> bool:
        """Whether a token ends a sequence."""
        return token in self._ends

    @property
    def closing(self) -> list[int]:
        """The tokens of the text that closes the reasoning at a stop."""
        return self._close

    @property
    def closing_tokens(self) -> int:
        """Their number."""
        return len(self._close)

    def choose(self, token: int) -> int:
        """The next token: of the text that is being written for the model, if any, otherwise the sampled one."""
        return self._to_write.popleft() if self._to_write else token

    def add(self, token: int) -> None:
        """Adds the next token."""
        self.tokens.append(token)
        if self.reasoning_tokens is None and self.tokens[-len(self._end) :] == self._end:
            self.reasoning_tokens = len(self.tokens) - len(self._end)
        self.is_done = token in self._ends or len(self.tokens) >= self._limit

    def ask(self, tokens: "int | None" = None) -> Generation:
        """Observes this step without an answer, to have the arm drawn."""
        return self.run.observe(len(self.tokens) if tokens is None else tokens)

    def observe(self, forced: ForcedAnswer, tokens: "int | None" = None) -> Generation:
        """Observes the answer that was forced at this step.

        Args:
            tokens: number of tokens when it was forced; None: as many as now.
        """
        at = len(self.tokens) if tokens is None else tokens
        if self.run.steps and self.run.steps[-1].tokens == at:
            self.run.steps.pop()  # it was asked about without an answer
        recent, self._checked_at = self.tokens[self._checked_at : at], at
        self.forced.append(forced.tokens)
        return self.run.observe(at, forced.probe(self._signals, recent))

    def stop(self) -> None:
        """Closes the reasoning: the next tokens are those of its closing text."""
        self.reasoning_tokens = len(self.tokens)
        self._to_write.extend(self._close)

    def truncate(self) -> None:
        """Ends the row at a stop, without an answer."""
        self.reasoning_tokens, self.is_done = len(self.tokens), True

    def close(self) -> None:
        """Closes the reasoning where the deciding probe saw it: discards later tokens, and adds the closing text."""
        probed = self.run.steps[-1].tokens
        self.discarded_tokens = len(self.tokens) - probed
        del self.tokens[probed:]
        self.is_done = False
        self.stop()
        self.write_closing()

    def write_closing(self) -> None:
        """Adds all of the closing text at once."""
        while self._to_write and not self.is_done:
            self.add(self._to_write.popleft())

    @property
    def has_ended(self) -> bool:
        """Whether the sequence has come to its natural end."""
        return bool(self.tokens) and self.tokens[-1] in self._ends

    def end(self, prompt: list[int]) -> EndOfReasoning | None:
        """Where the model has closed its reasoning by itself; None: it has not, or wrote no answer."""
        if self.run.stopped or self.reasoning_tokens is None:
            return None
        reasoning = self.tokens[: self.reasoning_tokens]
        return end_of([*prompt, *reasoning], self._tokenizer.decode(reasoning), self._text())

    def _text(self) -> str:
        """The text that the model wrote after its reasoning."""
        reasoning = len(self.tokens) if self.reasoning_tokens is None else self.reasoning_tokens
        closed = len(self._close) if self.run.stopped else len(self._end)
        text: str = self._tokenizer.decode(self.tokens[reasoning + closed :], skip_special_tokens=True)
        return text

    @property
    def answer(self) -> str:
        """The answer in the text behind the reasoning, as it is compared with forced ones."""
        return self._reasoning.read(self._text()) if self.forcing is None else self.forcing.final(self._text())

    def finish(self, reference: "str | list[str] | None" = None, reward: float | None = None) -> Finished:
        """Reports the outcome. Reasoning that has not ended has no answer."""
        reasoning = len(self.tokens) if self.reasoning_tokens is None else self.reasoning_tokens
        text = self._text()
        answer = self._reasoning.read(text)
        self.run.finish(
            self.answer, tokens=len(self.tokens) + self.discarded_tokens, answer_tokens=len(self.tokens) - reasoning,
            reference=reference, reward=reward,
        )  # fmt: skip
        return Finished(answer, text, self.tokens, reasoning, self.run.stopped, self.logprobs or None)
