"""What the service says about the rows of a columns call."""

from collections.abc import Sequence
from typing import Any

from ._cadence import Cadence
from ._late import warn_late
from ._telemetry import warn
from .generation import Generation

_MOST_CADENCES = 100_000


def take(body: Any, generations: Sequence[Generation], cadences: dict[str, Cadence]) -> list[Generation]:
    """Tells generations what was decided.

    Args:
        body: the reply to a call that asked about these generations.
        cadences: by context; what the reply says is added.

    Returns:
        Those whose rows the service could not read.

    Raises:
        KeyError, TypeError, ValueError, IndexError, AttributeError: the body is not the reply to this call.
    """
    stop, control, probe = set(body["stop"]), set(body["control"]), set(body["probe"])
    problems = {one["index"]: one for one in body["errors"]}
    if len(cadences) > _MOST_CADENCES:
        cadences.clear()
    for one, rule in zip({one.context_key: one for one in generations}.values(), body["contexts"], strict=True):
        if rule is not None:
            cadences[one.context_key] = Cadence(rule["check_every_tokens"], rule["min_tokens"], rule["check_growth"])
            for warning in rule["warnings"]:
                warn(f"{warning} {one.context_key}", f"{warning} in context {dict(one.context)}")
    for row in body["first_step_late"]:
        warn_late(generations[row])
    for row, one in enumerate(generations):
        if row in problems:
            path, message = problems[row]["path"], problems[row]["message"]
            warn(f"row {message}", f"no decision for {one.id}: {path} {message}")
            continue
        if one.arm is None:
            one.arm = "control" if row in control else "treated"
        one.checked(row in stop, row in probe, cadences[one.context_key].next_check(one.steps[-1].tokens))
    return [generations[row] for row in problems]
