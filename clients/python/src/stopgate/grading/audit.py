"""How good a judge is: its verdicts on generations whose labels are known, with intervals."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .intervals import lower_limit, upper_limit
from .items import Early, Grader, Item, Verdict, verdicts_of
from .judge import Judge
from .limited import LimitExceeded


class Audited(NamedTuple):
    """A pair of answers with known labels."""

    item: Item
    em: float
    early_em: float

    @property
    def truth(self) -> Verdict:
        """What a perfect grader says."""
        return "lost" if self.em > self.early_em else "gained" if self.em < self.early_em else "tie"


def read_audit(path: Path) -> list[Audited]:
    """Pairs of a file of JSON lines with `answer`, `early`, `em`, `early_em` and, for a judge, `prompt`.

    Raises:
        ValueError: a line lacks a field, or is not JSON.
    """
    pairs = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            item = Item(
                f"audit-{number}", row["answer"], [Early(row["early"], [0])], 1, row.get("prompt"), row.get("reference")
            )
            pairs.append(Audited(item, float(row["em"]), float(row["early_em"])))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}:{number}: {error!r}: a line needs answer, early, em and early_em") from error
    return pairs


class Rate(NamedTuple):
    """A share with its 95 % interval (Clopper and Pearson 1934)."""

    events: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""
        return lower_limit(self.events, self.of, 0.025), upper_limit(self.events, self.of, 0.025)

    def text(self) -> str:
        """For people."""
        if self.of == 0:
            return "none"
        low, high = self.interval
        return f"{self.events} of {self.of}, {100 * self.events / self.of:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


class AuditReport(NamedTuple):
    """What an audit shows.

    `miss_rate_limit` is the upper limit of the share of real losses that the grader does not call lost, and
    `gain_share_limit` the lower limit of what a gain that it calls is worth: 1 where it is real, 0 where the answers
    are as good, -1 where it is a loss. The chance that either is wrong is at most `limit_level`. `bias` is the mean of
    judged less true differences, with its 95 % interval: a grader that favours early answers has a negative one.
    """

    pairs: int
    agreement: Rate
    missed: Rate
    false_losses: Rate
    false_gains: Rate
    bias: tuple[float, float, float]
    left: Rate | None
    disagreeing: Rate | None
    miss_rate_limit: float
    gain_share_limit: float
    limit_level: float

    def policy(self) -> dict[str, float]:
        """The fields of a policy by which the service corrects for the judge's errors."""
        miss_rate = math.ceil(1000 * self.miss_rate_limit) / 1000
        return {"judge_miss_rate": miss_rate, "judge_gain_share": math.floor(1000 * self.gain_share_limit) / 1000}

    def lines(self) -> list[str]:
        """For people."""
        estimate, low, high = (100 * value for value in self.bias)
        position = [] if self.left is None or self.disagreeing is None else [
            f"position: left chosen in {self.left.text()} of the verdicts that choose a side",
            f"orders that disagree, or name no side: {self.disagreeing.text()}",
        ]  # fmt: skip
        return [
            f"agreement with the labels: {self.agreement.text()}",
            f"real losses missed: {self.missed.text()}",
            f"called lost though not: {self.false_losses.text()}",
            f"called gained though not: {self.false_gains.text()}",
            f"bias: {estimate:+.1f} points a pair ({low:+.1f} to {high:+.1f}); negative favours early answers",
            *position,
            f"policy: {json.dumps(self.policy())} (wrong with a chance of {self.limit_level:g})",
        ]


def audit(pairs: Iterable[Audited], grader: Grader, limit_level: float = 0.01) -> AuditReport:
    """Grades pairs whose labels are known.

    Args:
        limit_level: chance that the limit of the miss rate is too low. The service takes a fifth of the policy's
            `error_level` for it: 0.01 by default.

    Raises:
        GradingFailed, NotGradable: as the grader.
    """
    judged: list[tuple[Verdict, Verdict]] = []
    sides: list[tuple[str | None, str | None]] = []
    for pair in pairs:
        if isinstance(grader, Judge):
            comparison = grader.compare(pair.item, pair.item.early[0].answer)
            sides.append(comparison)
            judged.append((pair.truth, comparison.verdict or "lost"))
        else:
            try:
                verdict = verdicts_of(pair.item, grader.label(pair.item))[0]
            except LimitExceeded:
                verdict = "lost"  # as an answer without a label counts
            judged.append((pair.truth, verdict))
    return report_of(judged, sides, limit_level)


def report_of(
    judged: list[tuple[Verdict, Verdict]], sides: list[tuple[str | None, str | None]], limit_level: float
) -> AuditReport:
    """The report on pairs of true and judged verdicts, and what a judge said in both orders."""

    def rate(condition: Callable[[Verdict, Verdict], bool], among: Callable[[Verdict], bool] = lambda _: True) -> Rate:
        chosen = [one for one in judged if among(one[0])]
        return Rate(sum(condition(*one) for one in chosen), len(chosen))

    missed = rate(lambda _, verdict: verdict != "lost", lambda truth: truth == "lost")
    value: Mapping[str, int] = {"lost": 1, "tie": 0, "gained": -1}
    errors = [value[verdict] - value[truth] for truth, verdict in judged]
    decided = [side for pair in sides for side in pair if side in ("left", "right")]
    opposite = {"left": "right", "right": "left", "tie": "tie"}
    apart = sum(first is None or second != opposite[first] for first, second in sides)
    return AuditReport(
        len(judged),
        rate(lambda truth, verdict: truth == verdict),
        missed,
        rate(lambda _, verdict: verdict == "lost", lambda truth: truth != "lost"),
        rate(lambda _, verdict: verdict == "gained", lambda truth: truth != "gained"),
        _mean_interval(errors),
        Rate(decided.count("left"), len(decided)) if sides else None,
        Rate(apart, len(sides)) if sides else None,
        upper_limit(missed.events, missed.of, limit_level / 2),
        _gain_share([truth for truth, verdict in judged if verdict == "gained"], limit_level / 2),
        limit_level,
    )


def _gain_share(truths: list[Verdict], level: float) -> float:
    """The lower limit of what a judged gain is worth: the chance that it is real less the chance that it is a loss."""
    n = len(truths)
    if n == 0:
        return 0.0
    real, lost = lower_limit(truths.count("gained"), n, level / 2), upper_limit(truths.count("lost"), n, level / 2)
    return max(0.0, real - lost)


def _mean_interval(values: list[int]) -> tuple[float, float, float]:
    n = len(values)
    if n < 2:
        return 0.0, -1.0, 1.0
    mean = sum(values) / n
    half = 1.96 * math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n)
    return mean, mean - half, mean + half


def as_json(report: AuditReport) -> dict[str, Any]:
    """For programs."""

    def rate(one: Rate | None) -> dict[str, Any] | None:
        return None if one is None else {"count": one.events, "of": one.of, "interval": list(one.interval)}

    rates = ("agreement", "missed", "false_losses", "false_gains", "left", "disagreeing")
    return {
        **{name: rate(getattr(report, name)) for name in rates},
        "pairs": report.pairs, "bias": dict(zip(("estimate", "low", "high"), report.bias, strict=True)),
        **report.policy(), "limit_level": report.limit_level,
    }  # fmt: skip
