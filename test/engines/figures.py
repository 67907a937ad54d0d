"""The figures that run_transformers.py, run_vllm.py and run_proxy.py print."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopgate import Generation
    from stopgate.hf import Finished
    from stopgate.vllm import Rollout


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

    def add(self, gold: str, full: list[int], full_answer: str, run: "Generation", served: "Finished | Rollout", answer: str) -> None:
        """Adds a generation of the client: the tokens and the answer in full, what was served, and its answer."""
        self.generations += 1
        self.control += run.arm == "control"
        self.stopped += served.stopped
        self.full_tokens += len(full)
        self.tokens += len(served.tokens) + getattr(served, "discarded_tokens", 0)
        self.probe_tokens += sum(step.probe_tokens for step in run.steps)
        self.prefill_tokens += sum(step.prefill_tokens for step in run.steps)
        self.probes += len(run.steps)
        self.full_right += full_answer == gold
        self.right += answer == gold
        self.stopped_full_right += served.stopped and full_answer == gold
        self.stopped_right += served.stopped and answer == gold
        self.changed += not served.stopped and served.tokens != full


def print_figures(tasks: dict[str, Figures], full_seconds: float, served_seconds: float, **more: Any) -> None:
    """Prints one line of JSON.

    Args:
        tasks: figures by task.
        full_seconds: time of the full runs.
        served_seconds: time of those that the service could stop.
        more: `client`, counters of the Python client, or `first_token`, the median times to it in seconds, where the proxy asked.
    """
    print(json.dumps({
        "tasks": {task: asdict(figures) for task, figures in sorted(tasks.items())},
        "seconds": {"full": full_seconds, "served": served_seconds},
        **more,
    }))  # fmt: skip
