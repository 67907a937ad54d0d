"""Reasoning in tokens: how it is closed, how an answer is forced, and the rows of a batch."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .generation import Generation, Probe
from .signals import Signals, confidence

TOP_TOKENS = 20
"""Number of most probable tokens, at each place, that the signals are computed from."""


@dataclass(frozen=True)
class ReasoningFormat:
    """The texts around the reasoning. The defaults suit templates that open a `<think>` block in the prompt.

    Attributes:
        end: what the model writes at the end of its reasoning.
        close: written instead of `end` at a stop; the model goes on from there.
        ask: written after a copy of the reasoning to force an answer.
        answer_tokens: greatest number of tokens of a forced answer, which also ends with its line.
        extract: finds the answer to compare and to grade in the text that follows the reasoning.
    """

    end: str = "</think>"
    close: str = "\n</think>\n\n"
    ask: str = "\n</think>\n\nFinal answer:"
    answer_tokens: int = 16
    extract: Callable[[str], str] = str.strip


class ForcedAnswer:
    """The answer that is being forced at one check of a generation.

    Args:
        tokenizer: of the model.
        reasoning: the texts with which it is forced.
        prefilled: number of tokens that had to be prefilled for it.
    """

    def __init__(self, tokenizer: Any, reasoning: ReasoningFormat, prefilled: int = 0) -> None:
        self.tokens: list[int] = []
        self.has_ended = False
        self._tokenizer, self._reasoning = tokenizer, reasoning
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

    def probe(self, signals: Signals, recent: list[int]) -> Probe:
        """The probe that the client observes.

        Args:
            signals: those of the generation.
            recent: its tokens since the last check.
        """
        text = self._tokenizer.decode(self.tokens, skip_special_tokens=True).strip().split("\n")[0]
        answer, sure = self._reasoning.extract(text), confidence(self._logprobs)
        values = signals.add(answer, sure, self._tops, self._tokenizer.decode(recent), len(recent))
        return Probe(answer, sure, values, tokens=self.decoded, prefill_tokens=self.prefilled)


class Finished(NamedTuple):
    """A row that has ended."""

    answer: str
    """The result of `ReasoningFormat.extract` on `text`."""
    text: str
    """The text that the model wrote after its reasoning."""
    tokens: list[int]
    """All tokens: the reasoning, its closing text, the answer, and the end of the sequence."""
    reasoning_tokens: int
    """Number of tokens of the reasoning."""
    stopped: bool
    """Whether the reasoning was stopped."""


class Row:
    """A generation of a batch, with its tokens.

    Args:
        run: the generation.
        tokenizer: of the model.
        reasoning: how reasoning is closed.
        ends: tokens that end a sequence.
        limit: greatest number of tokens to generate.
    """

    def __init__(self, run: Generation, tokenizer: Any, reasoning: ReasoningFormat, ends: set[int], limit: int) -> None:
        self.run, self._tokenizer, self._reasoning, self._ends, self._limit = run, tokenizer, reasoning, ends, limit
        self._end: list[int] = tokenizer.encode(reasoning.end, add_special_tokens=False)
        self._close: list[int] = tokenizer.encode(reasoning.close, add_special_tokens=False)
        self._to_write: deque[int] = deque()
        self._signals, self._checked_at = Signals(), 0
        self.tokens: list[int] = []
        self.reasoning_tokens: int | None = None
        self.discarded_tokens = 0
        self.is_done = False

    @property
    def is_due(self) -> bool:
        """Whether to ask about the row now."""
        return self.reasoning_tokens is None and not self.is_done and self.run.due(len(self.tokens))

    def choose(self, token: int) -> int:
        """The next token: of the text that is being written for the model, if any, otherwise the sampled one."""
        return self._to_write.popleft() if self._to_write else token

    def add(self, token: int) -> None:
        """Adds the next token."""
        self.tokens.append(token)
        if self.reasoning_tokens is None and self.tokens[-len(self._end) :] == self._end:
            self.reasoning_tokens = len(self.tokens) - len(self._end)
        self.is_done = token in self._ends or len(self.tokens) >= self._limit

    def observe(self, forced: ForcedAnswer, tokens: "int | None" = None) -> Generation:
        """Observes the answer that was forced at this step.

        Args:
            tokens: number of tokens when it was forced; None: as many as now.
        """
        at = len(self.tokens) if tokens is None else tokens
        recent, self._checked_at = self.tokens[self._checked_at : at], at
        return self.run.observe(at, forced.probe(self._signals, recent))

    def stop(self) -> None:
        """Closes the reasoning: the next tokens are those of its closing text."""
        self.reasoning_tokens = len(self.tokens)
        self._to_write.extend(self._close)

    def close(self) -> None:
        """Closes the reasoning where the deciding probe saw it: discards later tokens, and adds the closing text."""
        probed = self.run.steps[-1].tokens
        self.discarded_tokens = len(self.tokens) - probed
        del self.tokens[probed:]
        self.is_done = False
        self.stop()
        while self._to_write:
            self.add(self._to_write.popleft())

    def finish(self, reference: "str | list[str] | None" = None) -> Finished:
        """Reports the outcome. Reasoning that has not ended has no answer."""
        reasoning = len(self.tokens) if self.reasoning_tokens is None else self.reasoning_tokens
        closed = len(self._close) if self.run.stopped else len(self._end)
        text = self._tokenizer.decode(self.tokens[reasoning + closed :], skip_special_tokens=True)
        answer = self._reasoning.extract(text)
        self.run.finish(
            answer, tokens=len(self.tokens) + self.discarded_tokens, answer_tokens=len(self.tokens) - reasoning,
            reference=reference,
        )  # fmt: skip
        return Finished(answer, text, self.tokens, reasoning, self.run.stopped)
