"""One engine step as a call of POST /v1/decisions/columns."""

import json
from collections.abc import Sequence
from typing import Any

from .generation import Generation

MAX_ROWS = 4096


def columns_of(generations: Sequence[Generation]) -> bytes:
    """The body of a call that asks about the last step of each generation."""
    places: dict[str, int] = {}
    contexts: list[dict[str, str]] = []
    for one in generations:
        if one.context_key not in places:
            places[one.context_key] = len(contexts)
            contexts.append(one.context)
    steps = [one.steps[-1] for one in generations]
    body: dict[str, Any] = {
        "contexts": contexts,
        "context": [places[one.context_key] for one in generations],
        "tokens": [step.tokens for step in steps],
        "confidence": [step.confidence for step in steps],
        "generation_ids": [one.id for one in generations],
        "arms": [one.arm for one in generations],
        "probed_score": [one.probed_score for one in generations],
    }
    if any(one.group is not None for one in generations):
        body["group_ids"] = [one.group for one in generations]
        body["sample"] = [one.sample if one.arm is None else None for one in generations]
    names = {name for step in steps for name in step.signals}
    if names:
        body["signals"] = {name: [step.signals.get(name) for step in steps] for name in names}
    return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
