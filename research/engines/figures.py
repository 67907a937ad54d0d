"""The figures that run_transformers.py and run_proxy.py print."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopgate import Generation
    from stopgate.hf import Finished


PART = 250
"""Generations of a task that are also summed apart, to show how savings grow."""


@dataclass
class Figures:
    """Sums over the generations of a task. Tokens are those decoded, answers included."""

    generations: int = 0
    control: int = 0
    stopped: int = 0
    full_tokens: int = 0
    tokens: int = 0
    probe_tokens: int = 0
    prefill_tokens: int = 0
    """Prompt tokens that were evaluated for probes, where the client knows them."""
    probes: int = 0
    full_right: int = 0
    right: int = 0
    stopped_full_right: int = 0
    """Of those stopped, how many are right in full, and how many as they were served."""
    stopped_right: int = 0
    changed: int = 0
    """Generations that were not stopped and yet differ from the full run."""

    @classmethod
    def of(
        cls, gold: str, full: list[int], full_answer: str, run: "Generation", served: "Finished", answer: str
    ) -> "Figures":
        """Figures of a generation of the client: the tokens and the answer in full, what was served, and its answer."""
        return cls(
            generations=1,
            control=run.arm == "control",
            stopped=served.stopped,
            full_tokens=len(full),
            tokens=len(served.tokens),
            probe_tokens=sum(step.probe_tokens for step in run.steps),
            prefill_tokens=sum(step.prefill_tokens for step in run.steps),
            probes=len(run.steps),
            full_right=full_answer == gold,
            right=answer == gold,
            stopped_full_right=served.stopped and full_answer == gold,
            stopped_right=served.stopped and answer == gold,
            changed=not served.stopped and served.tokens != full,
        )


def sum_figures(some: Sequence[Figures]) -> dict[str, int]:
    """The sums of all fields."""
    return {name: sum(int(getattr(one, name)) for one in some) for name in asdict(Figures())}


def print_figures(tasks: dict[str, list[Figures]], full_seconds: float, served_seconds: float, **more: Any) -> None:
    """Prints one line of JSON.

    Args:
        tasks: figures of each generation, by task, in their order.
        full_seconds: time of the full runs.
        served_seconds: time of those that the service could stop.
        more: `client`, counters of the Python client, or `first_token`, the median times to it in seconds, where the proxy asked.
    """
    print(json.dumps({
        "tasks": {task: sum_figures(each) for task, each in sorted(tasks.items())},
        "parts": {
            task: [sum_figures(each[first : first + PART]) for first in range(0, len(each), PART)]
            for task, each in sorted(tasks.items())
        },
        "seconds": {"full": full_seconds, "served": served_seconds},
        **more,
    }))  # fmt: skip
