"""Prompts with their true answers, endless and seeded. Standard library only.

    from reasoner.models import SINGLE
    from reasoner.prompts import prompts
    for prompt in prompts(SINGLE, seed=1, count=1000): ...

As a script it prints JSON lines:

    python -m reasoner.prompts --model single --count 100 --seed 1 --task follow --task add
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from random import Random

from reasoner.models import MODELS, ModelSpec


@dataclass(frozen=True)
class Prompt:
    """One user message, its true answer and its task; `id` is unique within a seed."""

    id: str
    task: str
    content: str
    answer: str


def prompts(spec: ModelSpec, seed: int, count: int, tasks: Sequence[str] | None = None) -> Iterator[Prompt]:
    """Yields `count` prompts, the tasks by turns: `tasks`, or those that the model is asked by default.

    Training uses seeds of its own (strings), so none is shared.
    """
    rng, names = Random(seed), tasks or spec.asked
    for number in range(count):
        task = names[number % len(names)]
        problem = spec.all_tasks[task].pose(rng)
        yield Prompt(f"{seed}-{number}", task, problem.prompt, problem.answer)


def main() -> None:
    """Prints prompts as JSON lines."""
    parser = argparse.ArgumentParser(description="Prints prompts with their true answers as JSON lines.")
    parser.add_argument("--model", choices=list(MODELS), default="single", help="whose tasks (default single)")
    parser.add_argument("--count", type=int, default=100, help="number of prompts (default 100)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the problems (default 1)")
    parser.add_argument("--task", action="append", help="a task to ask (default: those of the model)")
    parser.add_argument("--chat", action="store_true", help="as greedy chat requests, which `stopgate estimate` reads")
    arguments = parser.parse_args()
    for prompt in prompts(MODELS[arguments.model], arguments.seed, arguments.count, arguments.task):
        print(json.dumps(chat_of(prompt) if arguments.chat else asdict(prompt)))


def chat_of(prompt: Prompt) -> dict[str, object]:
    """A greedy chat request, with the right answer beside it."""
    return {"messages": [{"role": "user", "content": prompt.content}], "temperature": 0, "reference": prompt.answer}


if __name__ == "__main__":
    main()
