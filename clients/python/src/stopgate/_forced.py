"""An answer that is being forced."""

from typing import Any

from .generation import Probe
from .signals import Signals, confidence
from .thought import Thought

TOP_TOKENS = 20
"""How many log-probabilities of each place the signals are made of."""


class Forced:
    """The forced answer of one generation.

    Args:
        tokenizer: of the model.
        thought: how it was asked for.
        prefilled: tokens that had to be prefilled for it.
    """

    def __init__(self, tokenizer: Any, thought: Thought, prefilled: int = 0) -> None:
        self.tokens: list[int] = []
        self.has_ended = False
        self._tokenizer, self._thought = tokenizer, thought
        self.prefilled, self.decoded = prefilled, 0
        self._logprobs: list[float] = []
        self._tops: list[list[float]] = []

    def add(self, token: int, logprob: float, top: list[float], is_end: bool) -> None:
        """Takes the next token; the one that ends the sequence is no part of the answer."""
        self.decoded += 1
        self.has_ended = is_end
        if not is_end:
            self.tokens.append(token)
            self._logprobs.append(logprob)
            self._tops.append(top)

    def probe(self, signals: Signals, recent: list[int]) -> Probe:
        """What the client is told.

        Args:
            signals: those of the generation.
            recent: its tokens since the last check.
        """
        text = self._tokenizer.decode(self.tokens, skip_special_tokens=True).strip().split("\n")[0]
        answer, sure = self._thought.extract(text), confidence(self._logprobs)
        said = signals.add(answer, sure, self._tops, self._tokenizer.decode(recent), len(recent))
        return Probe(answer, sure, said, tokens=self.decoded, prefill_tokens=self.prefilled)
