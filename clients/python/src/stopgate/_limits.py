"""The limits of the API, and how the values of workers are fitted into them."""

import hashlib
import math
from collections.abc import Mapping

from ._telemetry import warn

_MAX_ANSWER = 4096
_MAX_PROMPT = 65_536
_MAX_ID = 128
_MAX_SIGNALS = 16
_SLACK = 1e-6
"""Rounding may put a confidence this far out of range."""


def fit_answer(answer: str) -> str:
    """An answer of at most 4 KiB. A longer one is cut and gets a digest, so that different answers stay different."""
    return _fit(answer, _MAX_ANSWER)


def fit_prompt(prompt: str) -> str:
    """A prompt of at most 64 KiB, shortened like an answer."""
    return _fit(prompt, _MAX_PROMPT)


def fit_id(text: str) -> str:
    """An id of 1 to 128 bytes, shortened like an answer."""
    return _fit(text, _MAX_ID) or "-"


def fit_context(context: Mapping[str, object]) -> dict[str, str]:
    """A context whose values are texts of 1 to 128 bytes.

    Raises:
        TypeError: it is not a mapping.
    """
    if not isinstance(context, Mapping):
        raise TypeError(f'a context has a value for each level, as {{"model": "qwen3-8b"}}, and is not {context!r}')
    fitted = {level: fit_id(str(value)) for level, value in context.items()}
    if any(value is None or value == "" for value in context.values()):
        warn(f"context {fitted}", f"a level of the context {dict(context)} has no value: it is sent as {fitted}")
    return fitted


def fit_confidence(value: float | None) -> float | None:
    """A confidence from 0 to 1; None, which means continue, if it is not a number or out of range."""
    if value is None:
        return None
    number = float(value)
    if -_SLACK <= number <= 1 + _SLACK:
        return min(1.0, max(0.0, number))
    if not math.isnan(number):
        warn("confidence", f"a confidence must be from 0 to 1 and is {number}: its step goes on")
    return None


def fit_signals(signals: dict[str, float] | None) -> dict[str, float]:
    """At most 16 signals, without those that are not finite numbers."""
    if not signals:
        return {}
    numbers = {fit_id(name): float(value) for name, value in signals.items() if value is not None}
    finite = {name: value for name, value in numbers.items() if math.isfinite(value)}
    if len(finite) > _MAX_SIGNALS:
        warn("signals", f"a step has at most {_MAX_SIGNALS} signals: the others are left out")
    return dict(list(finite.items())[:_MAX_SIGNALS])


def _fit(text: str, limit: int) -> str:
    data = str(text).encode("utf-8", "replace")
    if len(data) > limit:
        digest = hashlib.sha256(data).hexdigest()
        data = data[: limit - len(digest) - 1] + b" " + digest.encode()
    return data.decode("utf-8", "ignore")
