"""What is graded, and the labels that graders give."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from .._http import Connections
from ..errors import CallFailed, CallTimedOut

Verdict = Literal["lost", "tie", "gained"]
"""A comparison of an early answer with the final one: the final one is better, both are as good, the early one is."""


class Early(NamedTuple):
    """An early answer that differs from the final one, with the places of the steps that gave it; of a stop, none."""

    answer: str
    steps: Sequence[int]


class Item(NamedTuple):
    """A generation whose label is wanted.

    For a stopped one, `answer` was served, and `early` has the answer that was probed where it stopped. `reference` is
    the right answer, or a list of right ones, where the operator knows it.
    """

    generation_id: str
    answer: str
    early: Sequence[Early]
    steps: int
    prompt: str | None = None
    reference: str | Sequence[str] | None = None

    @property
    def is_stop(self) -> bool:
        """Whether the generation was stopped."""
        return self.steps == 0


class GradingFailed(CallFailed):
    """A grader could not grade now, for a reason that may pass: the item is graded again later.

    Args:
        is_outage: whether the grader itself is away, so that the failure says nothing about the item.
    """

    def __init__(
        self, message: str, status: int | None = None, retry_after: float | None = None, *, is_outage: bool = False
    ) -> None:
        super().__init__(message, status, retry_after)
        self.is_outage = is_outage


_OUTAGES = (429, 502, 503, 504)


def post(connections: Connections, path: str, body: object, timeout: float, who: str) -> Any:
    """The reply of a service that grades.

    Raises:
        GradingFailed: there is none.
    """
    try:
        reply = connections.call("POST", path, json.dumps(body).encode(), timeout=timeout)
    except CallFailed as error:  # one that is too slow may be too slow for this item alone
        raise GradingFailed(f"{who}: {error}", is_outage=not isinstance(error, CallTimedOut)) from error
    try:
        return reply.json()
    except CallFailed as error:
        is_outage = error.status in _OUTAGES
        raise GradingFailed(f"{who}: {error}", error.status, error.retry_after, is_outage=is_outage) from error


class NotGradable(Exception):  # noqa: N818 - of the item, not an error
    """A grader cannot grade an item at all: it lacks the prompt or the reference that the grader needs."""


class Grader(Protocol):
    """Gives labels. Its `source` names it in the guarantee."""

    source: str

    def label(self, item: Item) -> dict[str, Any]:
        """The label of an item, as POST /v1/outcomes/{id}/label takes it, without its source.

        Raises:
            GradingFailed: it cannot grade now.
            NotGradable: it can never grade this item.
        """
        ...


_OPPOSITE: Mapping[Verdict, Verdict] = {"lost": "gained", "tie": "tie", "gained": "lost"}


def label_of_verdicts(item: Item, verdicts: Sequence[Verdict | None]) -> dict[str, Any]:
    """The label of an item whose early answers were compared with its final one, in their order.

    Args:
        verdicts: None: doubt, which counts as lost, whichever of the answers was served.
    """
    if item.is_stop:  # here the probed answer is the one that the stop gave away
        return {"stopped_probe_verdict": "lost" if verdicts[0] is None else _OPPOSITE[verdicts[0]]}
    of_steps: list[Verdict | None] = [None] * item.steps
    for early, verdict in zip(item.early, verdicts, strict=True):
        for step in early.steps:
            of_steps[step] = verdict or "lost"
    return {"verdicts": of_steps}


def label_of_grades(item: Item, final: bool | float, early: Sequence[bool | float]) -> dict[str, Any]:
    """The label of an item whose answers were graded one by one: right or wrong, or rewards in [0, 1]."""
    is_em = all(isinstance(grade, bool) or (isinstance(grade, int) and grade in (0, 1)) for grade in (final, *early))
    grades = [int(grade) if is_em else float(grade) for grade in early]
    name, list_name, probe_name = (
        ("em", "steps", "stopped_probe_em") if is_em else ("reward", "step_rewards", "stopped_probe_reward")
    )
    label: dict[str, Any] = {name: int(final) if is_em else float(final)}
    if item.is_stop:
        return {**label, probe_name: grades[0]}
    of_steps: list[float | None] = [None] * item.steps
    for one, grade in zip(item.early, grades, strict=True):
        for step in one.steps:
            of_steps[step] = grade
    return {**label, list_name: of_steps}


def verdicts_of(item: Item, label: Mapping[str, Any]) -> list[Verdict]:
    """What a label says of each early answer, and of the served one of a stop, for counts and audits."""
    if "stopped_probe_verdict" in label:
        return [label["stopped_probe_verdict"]]
    if "verdicts" in label:
        return [label["verdicts"][early.steps[0]] for early in item.early]
    name, of_steps, of_probe = (
        ("em", "steps", "stopped_probe_em") if "em" in label else ("reward", "step_rewards", "stopped_probe_reward")
    )
    if item.is_stop:
        return [_verdict(label.get(of_probe, 0), label[name])]
    steps = label.get(of_steps, [0] * item.steps)  # early answers without a grade count as wrong
    return [_verdict(label[name], steps[early.steps[0]]) for early in item.early]


def _verdict(full: float, early: float) -> Verdict:
    return "lost" if full > early else "gained" if full < early else "tie"
