"""Reward and tokens of the rollouts of each arm, as a trainer logs them and as a training run shows them."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from statistics import pvariance
from typing import Any, NamedTuple

from ._http import Endpoint
from .client import Client
from .generation import Arm
from .training import Run

ARMS: tuple[Arm, Arm] = ("control", "treated")
END_SECONDS = 10.0
"""Longest time for the last reports of a training."""


class Sample(NamedTuple):
    """A rollout as it is logged."""

    arm: "Arm | None"
    group: str | None
    context: dict[str, str]
    share: float | None
    """Probability with which its prompt was control."""
    reward: float | None
    tokens: int
    stopped: bool

    @property
    def weight(self) -> float:
        """One over the probability of its arm; 0 where a treated rollout could not have been drawn."""
        share = self.share if self.share is not None else 1.0
        return 1 / share if self.arm == "control" else 1 / (1 - share) if share < 1 else 0.0


class ArmFigures(NamedTuple):
    """Means over the rollouts of one arm."""

    n: int
    """Rollouts with a reward."""
    reward: float
    stderr: float | None
    """Standard error of `reward`; None: of a single group."""
    tokens: float
    stopped: float
    advantage_variance: float
    """Mean variance of the rewards in a group."""

    def metrics(self) -> dict[str, float]:
        """What the trainer logs."""
        return {name: getattr(self, name) for name in ("reward", "tokens", "advantage_variance", "stopped")}


def figures_of(arm: Arm, samples: Sequence[Sample]) -> ArmFigures | None:
    """Figures of one arm, weighted so that they compare with the other arm's; None: no rollout of it has a reward.

    Control shares differ by context, so the arms have other prompts. Each rollout is weighted by one over the
    probability with which its prompt is in its arm (Hájek, 1971), which makes both arms estimate the mean of all
    prompts. Prompts that can only be control, as while their context learns, are left out once others may be treated.
    """
    may_be_treated = any(one.share is not None and one.share < 1 for one in samples)
    its = [one for one in samples if one.arm == arm and not (may_be_treated and one.share == 1)]
    groups: dict[str | None, list[Sample]] = {}
    for one in its:
        if one.reward is not None and one.weight > 0:
            groups.setdefault(one.group, []).append(one)
    if not groups:
        return None
    sums = [(sum(one.weight for one in group), [one.reward or 0.0 for one in group]) for group in groups.values()]
    total = sum(weight for weight, _ in sums)
    means = [sum(rewards) / len(rewards) for _, rewards in sums]  # those of a group have the same weight
    reward = sum(weight * mean for (weight, _), mean in zip(sums, means, strict=True)) / total
    count, stderr = len(sums), None
    if count > 1:
        squares = sum((weight * (mean - reward)) ** 2 for (weight, _), mean in zip(sums, means, strict=True))
        stderr = (squares * count / (count - 1)) ** 0.5 / total
    everything = sum(one.weight for one in its)
    return ArmFigures(
        n=sum(len(rewards) for _, rewards in sums),
        reward=reward,
        stderr=stderr,
        tokens=sum(one.weight * one.tokens for one in its) / everything,
        stopped=sum(one.weight * one.stopped for one in its) / everything,
        advantage_variance=sum(weight * pvariance(rewards) for weight, rewards in sums) / total,
    )


class ArmReports:
    """Reports reward and tokens of each arm to a training run of the service, as an evaluation of its own.

    It also informs the service that the policy of the rollouts' context moves as it is trained.

    Args:
        client: says where the service is.
        run: name of the training run.
        every: steps between reports.
        token: with the role trainer; None: that of the client, which must then be an operator's.
    """

    def __init__(self, client: Client, run: str, every: int, token: str | None = None) -> None:
        at = client.endpoint
        endpoint = at if token is None else Endpoint(at.url, token, at.ssl_context)
        self._run, self._every = Run(endpoint, run, timeout=5.0), every
        self._context: dict[str, str] | None = None  # the first levels, which the contexts of all rollouts share
        self.begin()

    def begin(self) -> None:
        """Forgets everything about the last training."""
        self._samples: list[Sample] = []
        self._reported: int | None = None
        self._step = 0

    def add(self, step: int, samples: Sequence[Sample]) -> None:
        """Adds the rollouts of a step with rewards from 0 to 1, and reports at times."""
        is_due = self._reported is None or self._step - self._reported >= self._every
        if is_due and self._samples and step != self._step:  # a step may have several batches
            self._report()
        for one in samples:
            self._context = _shared(one.context if self._context is None else self._context, one.context)
        self._samples += samples
        self._step = step

    def end(self) -> None:
        """Sends the last reports at the end of a training."""
        if self._samples:
            self._report()
        self._run.send_until(END_SECONDS)
        self.begin()

    def _report(self) -> None:
        served = {"context": self._context, "continues": True} if self._context else {}
        for arm in ARMS:
            seen = figures_of(arm, self._samples)
            if seen is not None:
                self._run.report({**self._checkpoint(arm, seen), **served})
        self._reported, self._samples = self._step, []

    def _checkpoint(self, arm: Arm, seen: ArmFigures) -> dict[str, Any]:
        error = {} if seen.stderr is None else {"em_stderr": seen.stderr}
        return {
            "step": self._step, "suite": f"rollouts {arm}", "em": seen.reward, "n": seen.n,
            "tokens_mean": seen.tokens, "stop_rate": seen.stopped,
            "advantage_variance": seen.advantage_variance, **error,
        }  # fmt: skip


def _shared(a: Mapping[str, str], b: Mapping[str, str]) -> dict[str, str]:
    """The first levels of a, as far as b has the same."""
    return dict(takewhile(lambda level: b.get(level[0]) == level[1], a.items()))
