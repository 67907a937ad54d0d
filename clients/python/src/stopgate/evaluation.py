"""Estimates what an evaluation in full would have measured, from one whose answers were stopped early."""

from collections.abc import Iterable, Sequence
from math import exp, lgamma, log, log1p, sqrt
from typing import NamedTuple

from ._telemetry import warn

__all__ = ["Estimate", "Item", "estimate", "mean_of"]

_FAR, _NEAR = 0.02, 0.005
"""Levels of the limits whose sum is an end of the interval, 0.025. Changes in one direction mostly prevail, so that the
far limit is the one that matters."""
_SURE = 1 - 1e-9


class Item(NamedTuple):
    """A question of an evaluation, as it was answered. The mean of several answers to it is one item, too."""

    em: float | None
    """Exact Match of the answer in full, from 0 to 1; None: it was stopped."""
    em_stopped: float | None = None
    """Of the answer at its stop, or, of a control generation, at the check that would have stopped it; None: none."""
    tokens: float = 0
    """Tokens generated, without those of probes."""
    tokens_stopped: float | None = None
    """Of a control generation: tokens at the check that would have stopped it."""
    probe_tokens: float = 0
    """Tokens of its probes."""
    share: float | None = None
    """Control share when its arm was drawn; None: the same for all items."""
    answers: int = 1
    """Number of answers of which it is the mean."""


class Estimate(NamedTuple):
    """An evaluation in full, as estimated from one that was stopped early."""

    em: float
    """Exact Match that answers in full to the same questions would have had."""
    em_low: float
    """Lower end of its interval, which holds it in at least 95 % of evaluations, whatever their size."""
    em_high: float
    em_stopped: float
    """Exact Match with all answers as stopped, which is not corrected."""
    questions_stderr: float
    """Standard error that the choice of the questions gives an evaluation in full, too. The interval is without it."""
    stops_stderr: float
    """Standard error that stopping adds: of `em` as an estimate for these questions."""
    n: int
    """Number of questions."""
    stopped: int
    """Questions whose answers were stopped."""
    control: int
    """Questions that would have been stopped, and were answered in full as control. The correction rests on them."""
    tokens_mean: float
    """Mean tokens that answers in full would have had."""
    tokens_spent_mean: float
    """Mean tokens spent, with those of probes."""

    @property
    def tokens_saved_ratio(self) -> float:
        """Share of the tokens of an evaluation in full that was saved, net of probes."""
        return 1 - self.tokens_spent_mean / self.tokens_mean if self.tokens_mean > 0 else 0.0

    @property
    def em_stderr(self) -> float:
        """Standard error of `em` as that of the model on questions of this kind, which has both errors."""
        return sqrt(self.questions_stderr**2 + self.stops_stderr**2)


def mean_of(answers: Sequence[Item]) -> Item:
    """Several answers to one question, which are in one arm, as one item."""
    if len(answers) == 1:
        return answers[0]
    crosses = any(one.em_stopped is not None for one in answers)
    full = [one.em for one in answers if one.em is not None]
    tokens_stopped = [one.tokens if one.tokens_stopped is None else one.tokens_stopped for one in answers]
    return Item(
        em=_mean(full) if len(full) == len(answers) else None,
        em_stopped=_mean([_as_stopped(one) for one in answers]) if crosses else None,
        tokens=_mean([one.tokens for one in answers]),
        tokens_stopped=_mean(tokens_stopped) if crosses and len(full) == len(answers) else None,
        probe_tokens=_mean([one.probe_tokens for one in answers]),
        share=answers[0].share,
        answers=sum(one.answers for one in answers),
    )


def estimate(items: Iterable[Item]) -> Estimate:
    """Estimates Exact Match and tokens of an evaluation in full.

    Only answers that were stopped are unknown in full. Their sum is that of the answers as stopped, plus the mean
    difference that a stop makes to control answers that would have been stopped (a difference estimator: Särndal,
    Swensson and Wretman 1992, Model Assisted Survey Sampling, section 6.3). Where control shares differ, a control
    answer of share p stands for (1 - p) / p stopped ones. The estimate is unbiased given the number of control answers,
    with three exceptions: without control answers it is that as stopped, and a warning says so; where shares differ it
    is a ratio, with a bias that falls with the number of control answers; and it is cut off at 0 and 1, which matters
    where control answers are few.

    Its standard error is that of this design, with half an answer lost and half of one gained added to two control
    answers more, so that no difference seen does not mean no error (Agresti and Min 2005, Simple improved confidence
    intervals for comparing matched proportions).

    The interval counts: a wrong answer at a stop may be one that was lost, and a right one may be one that was gained.
    Of each kind, control answers are a random sample, so that the number among the stopped ones has exact limits, from
    the hypergeometric distribution (Clopper and Pearson 1934), or, where shares differ, from the binomial one. No
    difference among few control answers therefore leaves a wide interval, and not an empty one.

    Args:
        items: all questions of the evaluation, in any order.

    Raises:
        ValueError: there is no item.
    """
    everything = list(items)
    if not everything:
        raise ValueError("an evaluation has at least one question")
    n = len(everything)
    stopped = [one for one in everything if one.em is None]
    control = [one for one in everything if one.em is not None and one.em_stopped is not None and one.share != 1]
    if stopped and not control:
        warn("evaluation", f"{len(stopped)} answers were stopped, and no control answer shows what that changes")
    weights = [1.0 if one.share is None else (1 - one.share) / one.share for one in control]
    changes = _weighted([_difference(one) for one in control], weights)
    shortened = _weighted([_shortened(one) for one in control], weights)
    known = sum(_as_answered(one) for one in everything)
    low, high = _limits_of_change(control, stopped)
    em = min(1.0, max(0.0, (known + changes * len(stopped)) / n))
    em_low, em_high = min(em, (known + low) / n), max(em, (known + high) / n)
    em_low, em_high = max(0.0, em_low), min(1.0, em_high)
    return Estimate(
        em, em_low, em_high,
        em_stopped=_mean([_as_stopped(one) for one in everything]),
        questions_stderr=_questions_stderr(everything, em, control, weights),
        # An error within limits can't have a larger one than half their distance.
        stops_stderr=min(_stops_stderr(control, weights, len(stopped)) / n, (em_high - em_low) / 2),
        n=n, stopped=len(stopped), control=len(control),
        tokens_mean=(sum(one.tokens for one in everything) + shortened * len(stopped)) / n,
        tokens_spent_mean=_mean([one.tokens + one.probe_tokens for one in everything]),
    )  # fmt: skip


def _stops_stderr(control: Sequence[Item], weights: Sequence[float], stopped: int) -> float:
    """Standard error of the estimated sum, over stopped answers, of Exact Match in full less that at the stop.

    A control answer stands for `its` stopped ones. Its difference from the mean therefore errs once as theirs, and so
    many times in the estimate of them: its^2 + its in the variance. With equal shares, this is the error of a mean in a
    simple random sample of so many of a finite number (Särndal, Swensson and Wretman 1992, section 3.3).
    """
    if not stopped:
        return 0.0
    usual = _mean(weights) if control and sum(weights) > 0 else 1.0
    size = 1 / _mean([one.answers for one in control]) if control else 1.0  # of the change of one answer
    changes = [*(_difference(one) for one in control), size, -size, 0.0]
    smoothed = [*weights, usual / 2, usual / 2, usual]
    mean, total = _weighted(changes, smoothed), sum(smoothed)
    stands_for = [stopped * weight / total for weight in smoothed]
    return sqrt(sum((its**2 + its) * (one - mean) ** 2 for one, its in zip(changes, stands_for, strict=True)))


def _questions_stderr(items: Sequence[Item], em: float, control: Sequence[Item], weights: Sequence[float]) -> float:
    """Standard error of the mean over random questions of Exact Match in full.

    The variance of a mean of several answers is less than that of one answer, em (1 - em), by its variance within a
    question, which is known of answers in full. Control answers stand for stopped ones, too.
    """
    n = len(items)
    known = [(one.em, 1.0) for one in items if one.em is not None]
    stopped, total = n - len(known), sum(weights)
    if total > 0:
        stand_for = zip(control, weights, strict=True)
        known += [(one.em, stopped * weight / total) for one, weight in stand_for if one.em is not None]
    within = _weighted([level * (1 - level) for level, _ in known], [weight for _, weight in known])
    smoothed = em if 0 < em < 1 else (em * n + 2) / (n + 4)  # Agresti and Coull 1998, as the service does
    return sqrt(max(0.0, smoothed * (1 - smoothed) - within) / n)


def _as_answered(one: Item) -> float:
    """Exact Match of the answer that there is: in full, otherwise at its stop."""
    return _as_stopped(one) if one.em is None else one.em


def _as_stopped(one: Item) -> float:
    """Exact Match of the answer as it is with stops."""
    return (one.em or 0.0) if one.em_stopped is None else one.em_stopped


def _difference(one: Item) -> float:
    """Exact Match in full less that at the stop, of a control answer."""
    return _as_answered(one) - _as_stopped(one)


def _shortened(one: Item) -> float:
    return one.tokens - (one.tokens if one.tokens_stopped is None else one.tokens_stopped)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted mean; 0 without any values."""
    total = sum(weights)
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total if total > 0 else 0.0


def _limits_of_change(control: Sequence[Item], stopped: Sequence[Item]) -> tuple[float, float]:
    """Limits of the sum, over stopped answers, of Exact Match in full less that at the stop."""
    lost, lost_at_least = _changes(control, stopped, 1.0)
    gained, gained_at_least = _changes(control, stopped, -1.0)
    return lost_at_least - gained, lost - gained_at_least


def _changes(control: Sequence[Item], stopped: Sequence[Item], sign: float) -> tuple[float, float]:
    """Upper and lower limit of the loss (sign 1) or gain (sign -1) by stopped answers.

    The mean of several answers may change by a part. Any part counts as a change for the upper limit, where each change
    is as large as it can be; only a whole one counts for the lower limit.
    """

    def room(one: Item) -> float:
        """By how much the Exact Match at the stop can be less, or more, than that in full."""
        return 1 - _as_stopped(one) if sign > 0 else _as_stopped(one)

    may = _Drawn.of([one for one in control if room(one) > 0], [one for one in stopped if room(one) > 0])
    seen = sum(_difference(one) * sign > 0 for one in control)
    sizes = sorted(map(room, stopped), reverse=True)
    may_wholly = _Drawn.of([one for one in control if room(one) == 1], [one for one in stopped if room(one) == 1])
    seen_whole = sum(_difference(one) * sign == 1 for one in control)
    return sum(sizes[: may.most(seen, _FAR) - seen]), float(may_wholly.least(seen_whole, _NEAR) - seen_whole)


class _Drawn(NamedTuple):
    """A random sample of answers: how many there are, how many were drawn, and the lowest and highest share.

    Given its size, it is a simple random sample if all shares are equal. Otherwise the number of marked ones that are
    drawn lies between two binomial variables, of the lowest and of the highest share.
    """

    size: int
    drawn: int
    lowest: float | None
    highest: float | None

    @staticmethod
    def of(drawn: Sequence[Item], others: Sequence[Item]) -> "_Drawn":
        shares = [min(_SURE, max(1 - _SURE, one.share)) for one in (*drawn, *others) if one.share is not None]
        return _Drawn(len(drawn) + len(others), len(drawn), min(shares, default=None), max(shares, default=None))

    def most(self, seen: int, level: float) -> int:
        """The most marked answers for which no more than those seen would be drawn with this chance."""
        low, high = seen, seen + self.size - self.drawn
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._at_most(seen, middle, self.lowest) >= level else (low, middle - 1)
        return low

    def least(self, seen: int, level: float) -> int:
        """The fewest marked answers for which no fewer than those seen would be drawn with this chance."""
        low, high = seen, seen + self.size - self.drawn
        while low < high:
            middle = (low + high) // 2
            is_enough = 1 - self._at_most(seen - 1, middle, self.highest) >= level
            low, high = (low, middle) if is_enough else (middle + 1, high)
        return low

    def _at_most(self, seen: int, marked: int, share: float | None) -> float:
        """The chance that at most so many of the marked answers are drawn."""
        if self.lowest == self.highest or share is None:
            first = max(0, marked - (self.size - self.drawn))
            whole = _log_choices(self.size, self.drawn)
            logs = (
                _log_choices(marked, k) + _log_choices(self.size - marked, self.drawn - k) - whole
                for k in range(first, min(seen, marked, self.drawn) + 1)
            )
        else:
            logs = (
                _log_choices(marked, k) + k * log(share) + (marked - k) * log1p(-share)
                for k in range(min(seen, marked) + 1)
            )
        return min(1.0, sum(map(exp, logs)))


def _log_choices(n: int, k: int) -> float:
    """The logarithm of the number of ways to choose k of n."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
