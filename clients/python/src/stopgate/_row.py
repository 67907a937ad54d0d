"""One row of a batch while it is being generated."""

from collections import deque
from typing import Any, NamedTuple

from ._forced import Forced
from .generation import Generation
from .signals import Signals
from .thought import Thought


class Finished(NamedTuple):
    """What became of a row."""

    answer: str
    """What `Thought.extract` takes out of `text`."""
    text: str
    """What the model wrote after its thought."""
    tokens: list[int]
    """All tokens generated: the thought, what closes it, the answer, and the end of the sequence."""
    thought_tokens: int
    """Tokens of the thought."""
    stopped: bool
    """Whether the thought was stopped."""


class Row:
    """A generation with its tokens.

    Args:
        run: the generation.
        tokenizer: of the model.
        thought: how thoughts are closed.
        ends: tokens that end a sequence.
        limit: most tokens to generate.
    """

    def __init__(self, run: Generation, tokenizer: Any, thought: Thought, ends: set[int], limit: int) -> None:
        self.run, self._tokenizer, self._thought, self._ends, self._limit = run, tokenizer, thought, ends, limit
        self._end: list[int] = tokenizer.encode(thought.end, add_special_tokens=False)
        self._close: list[int] = tokenizer.encode(thought.close, add_special_tokens=False)
        self._forced: deque[int] = deque()
        self._signals, self._checked_at = Signals(), 0
        self.tokens: list[int] = []
        self.thought_tokens: int | None = None
        self.is_done = False

    @property
    def is_due(self) -> bool:
        """Whether to ask about the row now."""
        return self.thought_tokens is None and not self.is_done and self.run.due(len(self.tokens))

    def choose(self, token: int) -> int:
        """The next token: what has to be written, else what was sampled."""
        return self._forced.popleft() if self._forced else token

    def add(self, token: int) -> None:
        """Takes the next token."""
        self.tokens.append(token)
        if self.thought_tokens is None and self.tokens[-len(self._end) :] == self._end:
            self.thought_tokens = len(self.tokens) - len(self._end)
        self.is_done = token in self._ends or len(self.tokens) >= self._limit

    def observe(self, forced: Forced, tokens: "int | None" = None) -> Generation:
        """States what was forced at this step.

        Args:
            tokens: how many there were when it was forced; None: as many as now.
        """
        at = len(self.tokens) if tokens is None else tokens
        recent, self._checked_at = self.tokens[self._checked_at : at], at
        return self.run.observe(at, forced.probe(self._signals, recent))

    def stop(self) -> None:
        """Closes the thought: the next tokens are written for the model."""
        self.thought_tokens = len(self.tokens)
        self._forced.extend(self._close)

    def close(self) -> None:
        """Closes the thought at once: what closes it is written without asking the model."""
        self.stop()
        while self._forced:
            self.add(self._forced.popleft())

    def finish(self, reference: "str | list[str] | None" = None) -> Finished:
        """Reports the outcome. A thought that has not ended has no answer."""
        thought = len(self.tokens) if self.thought_tokens is None else self.thought_tokens
        closed = len(self._close) if self.run.stopped else len(self._end)
        text = self._tokenizer.decode(self.tokens[thought + closed :], skip_special_tokens=True)
        answer = self._thought.extract(text)
        self.run.finish(
            answer, tokens=len(self.tokens), answer_tokens=len(self.tokens) - thought, reference=reference
        )  # fmt: skip
        return Finished(answer, text, self.tokens, thought, self.run.stopped)
