"""Limits of rates (Clopper and Pearson 1934)."""

import math
from collections.abc import Callable


def upper_limit(count: int, of: int, level: float) -> float:
    """The largest rate at which as few as `count` of `of` have at least the chance `level`; 1 without any."""
    if count >= of:
        return 1.0
    return _bisect(lambda rate: _at_most(count, of, rate) > level)


def lower_limit(count: int, of: int, level: float) -> float:
    """The smallest rate at which as many as `count` of `of` have at least the chance `level`."""
    if count == 0:
        return 0.0
    return _bisect(lambda rate: 1 - _at_most(count - 1, of, rate) < level)


def _at_most(count: int, of: int, rate: float) -> float:
    """The chance of at most so many, binomially distributed."""
    if rate <= 0:
        return 1.0
    if rate >= 1:
        return 0.0 if count < of else 1.0
    logs = (
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        + k * math.log(rate) + (of - k) * math.log1p(-rate)
        for k in range(count + 1)
    )  # fmt: skip
    return min(1.0, sum(math.exp(log) for log in logs))


def _bisect(is_below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high
