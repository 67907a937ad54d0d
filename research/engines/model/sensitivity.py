"""Measures what it costs to answer from a later prefix than the probed one, greedily.

    python sensitivity.py --count 600

Each full run is probed every 16 tokens, and stopped at the first probe of at least the threshold. From the probed
prefix, and from some tokens later, the model then writes its answer as after any closed thought, without the probe's
words. Every figure about that in the README comes from this script.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch

from reasoner.generate import Generation, Probe, force, generate, load
from reasoner.models import MODELS, ModelSpec
from reasoner.prompts import prompts

LATER = (0, 3, 6)
# A tool call is the longest of them.
MOST_TOKENS = 64


@dataclass(frozen=True)
class Run:
    """A full run with its probes, and for each of LATER the answers from so many tokens behind each probe."""

    generation: Generation
    probes: list[Probe]
    served: list[list[Probe]]

    def stop(self, threshold: float) -> int | None:
        """The number of the probe that stops the run."""
        return next((number for number, probe in enumerate(self.probes) if probe.confidence >= threshold), None)


def measure(spec: ModelSpec, model: object, tokenizer: object, generation: Generation, every: int) -> Run:
    """Probes and answers along a full run. The thought ends where it ends: no answer is from later than that."""
    length = len(generation.thought)
    cuts = list(range(every, length + 1, every))
    is_call = generation.prompt.task not in spec.asked
    ask, most = ("", MOST_TOKENS) if is_call else (spec.ask, spec.answer_tokens)
    probes = force(spec, model, tokenizer, generation, cuts, spec.close + ask, most)
    later = [min(length, cut + more) for more in LATER for cut in cuts]
    answers = force(spec, model, tokenizer, generation, later, spec.close, MOST_TOKENS)
    return Run(generation, probes, [answers[start : start + len(cuts)] for start in range(0, len(answers), len(cuts))])


def print_table(
    groups: dict[str, list[Run]], row: Callable[[Sequence[Run]], list[str]], header: Sequence[str]
) -> None:
    """Prints a line for each group of runs."""
    print(f"| task | {' | '.join(header)} |\n{'|---' * (1 + len(header))}|")
    for task, runs in groups.items():
        print(f"| {task} | {' | '.join(row(runs))} |")
    print()


def percent(values: Sequence[float]) -> str:
    """Their mean in percent."""
    return f"{100 * fmean(values):.1f}" if values else "-"


def row_of_checks(runs: Sequence[Run]) -> list[str]:
    """All checks of the second half of the reasoning, where the answer is mostly known."""
    full = [run.generation.is_right for run in runs]
    checks = [
        (run, number)
        for run in runs
        for number, probe in enumerate(run.probes)
        if 2 * probe.tokens >= len(run.generation.thought)
    ]
    return [str(len(runs)), percent(full), str(len(checks)), *em_at(checks)]


def row_of_stops(threshold: float) -> Callable[[Sequence[Run]], list[str]]:
    """Of those that the threshold stops: EM in full, as probed and as served, and the tokens saved of all."""

    def row(runs: Sequence[Run]) -> list[str]:
        stops = [(run, run.stop(threshold)) for run in runs]
        checks = [(run, number) for run, number in stops if number is not None]
        total = sum(len(run.generation.tokens) for run in runs)
        saved = sum(len(run.generation.thought) - run.probes[number].tokens for run, number in checks)
        until = [run.probes[: None if number is None else number + 1] for run, number in stops]
        cost = sum(probe.decoded for probes in until for probe in probes)
        full = percent([run.generation.is_right for run, _ in checks])
        equal = percent([run.served[-1][number].answer == run.probes[number].answer for run, number in checks])
        gross, net = f"{100 * saved / total:.1f}", f"{100 * (saved - cost) / total:.1f}"
        return [str(len(checks)), gross, net, full, *em_at(checks), equal]

    return row


def em_at(checks: Sequence[tuple[Run, int]]) -> list[str]:
    """EM at these checks: of the probe, and of the answers from each of LATER."""
    columns = [[run.probes[number] for run, number in checks]]
    columns += [[run.served[late][number] for run, number in checks] for late in range(len(LATER))]
    gold = [run.generation.prompt.answer for run, _ in checks]
    return [percent([one.answer == right for one, right in zip(column, gold, strict=True)]) for column in columns]


def main() -> None:
    """Generates, forces and prints."""
    parser = argparse.ArgumentParser(description="Measures answers from later prefixes than the probed ones.")
    parser.add_argument("--model", choices=list(MODELS), default="boxed", help="the model (default boxed)")
    parser.add_argument("--weights", type=Path, help="Hugging Face folder (default: that of the model)")
    parser.add_argument("--count", type=int, default=600, help="prompts, the tasks by turns (default 600)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the prompts (default 1)")
    parser.add_argument("--check-every-tokens", type=int, default=16, help="tokens between probes (default 16)")
    parser.add_argument("--threshold", type=float, default=0.97, help="confidence that stops (default 0.97)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    spec = MODELS[arguments.model]
    model, tokenizer = load(arguments.weights or spec.weights)
    groups: dict[str, list[Run]] = {}
    asked = list(prompts(spec, arguments.seed, arguments.count, tuple(spec.tasks)))
    for number, generation in enumerate(generate(spec, model, tokenizer, asked)):
        run = measure(spec, model, tokenizer, generation, arguments.check_every_tokens)
        groups.setdefault(generation.prompt.task, []).append(run)
        if number % 100 == 99:
            print(f"{number + 1} of {len(asked)}", file=sys.stderr, flush=True)
    groups["all"] = [run for runs in groups.values() for run in runs]
    later = [f"answered {more} tokens later" if more else "answered from there" for more in LATER]
    print_table(groups, row_of_checks, ["prompts", "EM in full", "checks in the second half", "probed", *later])
    header = ["stopped", "saved %", "net %", "EM in full", "probed", *later, f"equal {LATER[-1]} later"]
    print_table(groups, row_of_stops(arguments.threshold), header)


if __name__ == "__main__":
    main()
