"""Runs a test model in transformers, stopped by a service through the client. Prints figures as one line of JSON.

Each prompt is also run in full, without the service, so that what was lost and saved is known and not estimated. After
each batch a line of progress goes to standard error.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from figures import Figures, print_figures

FOLDER = Path(__file__).parent / "model"
sys.path.insert(0, str(FOLDER))

from reasoner.generate import MAX_NEW_TOKENS, generate as generate_full, load  # noqa: E402
from reasoner.models import MODELS, ModelSpec  # noqa: E402
from reasoner.prompts import Prompt, prompts  # noqa: E402

from stopgate import Client, Generation  # noqa: E402
from stopgate.hf import Finished, ReasoningFormat, generate  # noqa: E402


class TimedClient(Client):
    """Times the checks of a batch, and may kill a process before the third."""

    kill: int | None = None
    milliseconds: list[float]

    def check(self, generations: Iterable[Generation]) -> list[Generation]:
        """As that of the client."""
        asked = list(generations)
        if self.kill is not None and len(self.milliseconds) == 2:
            os.kill(self.kill, signal.SIGKILL)
        began = time.perf_counter()
        stopped = super().check(asked)
        self.milliseconds.append(1000 * (time.perf_counter() - began))
        return stopped


def batches(all_prompts: Iterator[Prompt], size: int) -> Iterator[list[Prompt]]:
    """The prompts, some at a time."""
    while batch := list(islice(all_prompts, size)):
        yield batch


def main() -> None:
    """Plays all prompts and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--generations", type=int, required=True)
    parser.add_argument("--model", choices=list(MODELS), default="single", help="the model (default single)")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=1.0, help="seconds for a decision, and for the last reports")
    parser.add_argument("--find-form", action="store_true", help="find how answers are forced")
    parser.add_argument("--kill", type=int, help="process of the service, to be killed before the third check of the second batch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    spec = MODELS[options.model]
    model, tokenizer = load(spec.weights)
    tokenizer.padding_side = "left"
    tasks: dict[str, list[Figures]] = {}
    full_seconds = served_seconds = 0.0
    with TimedClient(options.url, timeout=options.timeout) as client:
        for number, batch in enumerate(batches(prompts(spec, options.seed, options.generations), options.batch)):
            began = time.perf_counter()
            full = list(generate_full(spec, model, tokenizer, batch, batch_size=len(batch)))
            between = time.perf_counter()
            client.milliseconds, client.kill = [], options.kill if number == 1 else None
            served, runs = serve(spec, model, tokenizer, client, batch, options.find_form)
            ended = time.perf_counter()
            full_seconds += between - began
            served_seconds += ended - between
            for prompt, in_full, run, one in zip(batch, full, runs, served, strict=True):
                figures = Figures.of(prompt.answer, in_full.tokens, in_full.answer, run, one, spec.extract(one.text))
                tasks.setdefault(prompt.task, []).append(figures)
            progress = {
                "batch": number,
                "ms": 1000 * (ended - between) / len(batch),
                "stood_still_ms": client.milliseconds,
                "failures": client.counters.failures,
                "probe_tokens": client.counters.probe_tokens,
            }
            sys.stderr.write(f"{json.dumps(progress)}\n")  # in one write, since threads of the client log there too
        client.flush(options.timeout)
    print_figures(tasks, full_seconds, served_seconds, client=asdict(client.counters))


def serve(
    spec: ModelSpec, model: Any, tokenizer: Any, client: Client, batch: list[Prompt], finds_form: bool = False
) -> tuple[list[Finished], list[Generation]]:
    """Generates a batch that the service may stop."""
    runs = [
        client.generation(
            {"model": "reasoner", "task": prompt.task}, grade=lambda answer, right=prompt.answer: answer == right
        )
        for prompt in batch
    ]
    chats = [[{"role": "user", "content": prompt.content}] for prompt in batch]
    inputs = tokenizer.apply_chat_template(
        chats, add_generation_prompt=True, padding=True, return_dict=True, return_tensors="pt"
    )
    close, ask = spec.close, spec.close + spec.ask
    reasoning = ReasoningFormat(close=close, ask=ask, answer_tokens=spec.answer_tokens, extract=spec.extract)
    if finds_form:
        reasoning = ReasoningFormat()
    return generate(model, tokenizer, inputs, client, runs, max_new_tokens=MAX_NEW_TOKENS, reasoning=reasoning), runs


if __name__ == "__main__":
    main()
