"""Numbers about a probed answer: its confidence, its entropy, and the signals with a fixed meaning."""

import math
import re
from collections import Counter
from collections.abc import Sequence

MARKERS = re.compile(r"\b(wait|hmm|actually|alternatively|hold on|let me (?:re)?check|on second thought)\b", re.I)
"""Words of doubt that `marker_density` counts."""


def confidence(logprobs: Sequence[float]) -> float | None:
    """Geometric mean probability of the probed answer's tokens; None without tokens.

    Args:
        logprobs: natural logarithm of the probability of each token.
    """
    return math.exp(sum(logprobs) / len(logprobs)) if logprobs else None


def entropy(top_logprobs: Sequence[Sequence[float]]) -> float | None:
    """Entropy of the next token in nats, the mean over the probed answer's tokens; None without tokens.

    Args:
        top_logprobs: for each token of the answer, the natural logarithms of the most probable tokens. The
            remaining probability counts as one more token.
    """

    def of(row: Sequence[float]) -> float:
        p = [math.exp(x) for x in row]
        return -sum(q * math.log(q) for q in [*p, max(0.0, 1 - sum(p))] if q > 0)

    return sum(map(of, top_logprobs)) / len(top_logprobs) if top_logprobs else None


class Signals:
    """The signals of one generation. Call add() at each check, in order."""

    def __init__(self) -> None:
        self._answer: str | None = None
        self._times: Counter[str] = Counter()
        self._checks = self._streak = self._most = 0
        self._last: float | None = None
        self._highest: float | None = None

    def add(
        self,
        answer: str,
        confidence: float | None = None,
        top_logprobs: Sequence[Sequence[float]] = (),
        recent_text: str | None = None,
        recent_tokens: int = 0,
    ) -> dict[str, float]:
        """The signals of this check, without those that are unknown.

        Args:
            answer: the answer probed here.
            confidence: of the answer, 0 to 1.
            top_logprobs: of the answer's tokens, as for `entropy`.
            recent_text: the reasoning since the last check.
            recent_tokens: tokens of `recent_text`.
        """
        self._checks += 1
        self._streak = self._streak + 1 if answer == self._answer else 1
        self._answer = answer
        self._times[answer] += 1
        self._most = max(self._most, self._times[answer])
        delta = None
        if confidence is not None:
            delta = confidence - (confidence if self._last is None else self._last)
            self._last, self._highest = confidence, max(self._highest or 0.0, confidence)
        markers = None if recent_text is None else 100 * len(MARKERS.findall(recent_text)) / max(1, recent_tokens)
        signals = {
            "entropy": entropy(top_logprobs),
            "answer_streak": self._streak,
            "confidence_delta": delta,
            "confidence_max": self._highest,
            "vote_share": self._most / self._checks,
            "marker_density": markers,
        }
        return {name: value for name, value in signals.items() if value is not None}
