"""An answer that was forced, and the check that it belongs to."""

from typing import NamedTuple


class Probe(NamedTuple):
    """An answer that was forced aside, without a trace in the generation."""

    answer: str | None = None
    """The answer's text."""
    confidence: float | None = None
    """From 0 to 1; None: unknown."""
    signals: dict[str, float] | None = None
    """Other numbers about this step, at most 16."""
    tokens: int = 0
    """Tokens decoded for this probe alone."""
    prefill_tokens: int = 0
    """Tokens that had to be prefilled anew for it: 0 where the prefix cache had them."""
    em: int | None = None
    """1 right, 0 wrong; None: graded otherwise (`grade`, `reference`, or a label that comes later)."""


class Step:
    """One check of a generation."""

    __slots__ = ("answer", "asking_tokens", "confidence", "em", "prefill_tokens", "probe_tokens", "signals", "tokens")

    def __init__(self, tokens: int, confidence: float | None, signals: dict[str, float]) -> None:
        self.tokens, self.confidence, self.signals = tokens, confidence, signals
        self.answer: str | None = None
        self.em: int | None = None
        self.asking_tokens = self.probe_tokens = self.prefill_tokens = 0

    def probed(self, probe: Probe) -> None:
        """Adds the answer forced at this step, and what it cost."""
        self.answer = probe.answer
        self.em = None if probe.em is None else int(bool(probe.em))
        self.probe_tokens += int(probe.tokens)
        self.prefill_tokens += int(probe.prefill_tokens)
