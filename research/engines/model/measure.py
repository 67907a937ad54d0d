"""Measures a model on held-out prompts: exact match, lengths, how early it knows, and what stopping saves.

    python measure.py --count 800 --temperature 0.7
    python measure.py --model boxed --count 256
    python measure.py --outcomes FILE     # also writes outcomes as the service takes them, one JSON object a line

Every figure of the README comes from this script.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch

from reasoner.generate import Generation, Probe, force, generate, load
from reasoner.models import MODELS
from reasoner.prompts import prompts
from reasoner.tokenizer import encoder

THRESHOLDS = (0.9, 0.95, 0.99)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Run:
    """A full run with the answers forced along it: at each cadence step, and at each of SHARES of its thought."""

    generation: Generation
    probes: list[Probe]
    at_shares: list[Probe]


@dataclass(frozen=True)
class Stopping:
    """The effect of stopping at a threshold: shares of all decoded tokens, and points of exact match."""

    gross: float
    net: float
    em_change: float


def settled_share(run: Run) -> float:
    """The share of the thought after which the forced answer no longer changes (1: only at the end)."""
    settled = len(run.generation.thought)
    for forced in reversed(run.probes):
        if forced.answer != run.generation.answer:
            break
        settled = forced.tokens
    return settled / len(run.generation.thought)


def stopping(runs: Sequence[Run], threshold: float, closing: int) -> Stopping:
    """Stops each run at its first probe of at least `threshold`; every probe until then costs its tokens.

    A stop also saves the `closing` tokens, which are written and not decoded.
    """
    total = saved = cost = change = 0.0
    for run in runs:
        total += len(run.generation.tokens)
        crossed = next((number for number, forced in enumerate(run.probes) if forced.confidence >= threshold), None)
        cost += sum(forced.decoded for forced in run.probes[: None if crossed is None else crossed + 1])
        if crossed is not None:
            stop = run.probes[crossed]
            saved += len(run.generation.thought) + closing - stop.tokens
            change += (stop.answer == run.generation.prompt.answer) - run.generation.is_right
    return Stopping(saved / total, (saved - cost) / total, 100 * change / len(runs))


def em_when_cut(runs: Sequence[Run], number: int) -> float:
    """The exact match of the answers forced at the share SHARES[number] of each thought."""
    return fmean(run.at_shares[number].answer == run.generation.prompt.answer for run in runs)


def print_table(runs: Sequence[Run], closing: int) -> None:
    """Prints the table of the README: a line for each task, and one for all."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.generation.prompt.task, []).append(run)
    groups["all"] = list(runs)
    cuts = ", ".join(f"{100 * share:.0f}" for share in SHARES)
    thresholds = " | ".join(f"at {threshold}" for threshold in THRESHOLDS)
    print(f"| task | EM % | mean tokens | longest | settled at % | EM % when cut at {cuts} % | {thresholds} |")
    print("|---" * (6 + len(THRESHOLDS)) + "|")
    for task, group in groups.items():
        lengths = [len(run.generation.tokens) for run in group]
        em = 100 * fmean(run.generation.is_right for run in group)
        settled = 100 * fmean(map(settled_share, group))
        cut_em = ", ".join(f"{100 * em_when_cut(group, number):.0f}" for number in range(len(SHARES)))
        results = [stopping(group, threshold, closing) for threshold in THRESHOLDS]
        stops = " | ".join(f"{100 * stop.gross:.1f}, {100 * stop.net:.1f}, {stop.em_change:+.1f}" for stop in results)
        print(f"| {task} | {em:.1f} | {fmean(lengths):.0f} | {max(lengths)} | {settled:.0f} | {cut_em} | {stops} |")


def outcome(run: Run, number: int, model: str) -> dict[str, object]:
    """The run as an outcome of the service."""
    answer = run.generation.prompt.answer
    return {
        "generation_id": f"g{number}",
        "group_id": run.generation.prompt.id,
        "sample_index": 0,
        "context": {"task": run.generation.prompt.task, "model": model},
        "tokens": len(run.generation.tokens),
        "em": int(run.generation.is_right),
        "steps": [
            {"tokens": p.tokens, "confidence": round(p.confidence, 6), "em": int(p.answer == answer)}
            for p in run.probes
        ],
    }


def main() -> None:
    """Generates, probes and prints."""
    parser = argparse.ArgumentParser(description="Measures a model on held-out prompts.")
    parser.add_argument("--model", choices=list(MODELS), default="single", help="the model (default single)")
    parser.add_argument("--weights", type=Path, help="Hugging Face folder (default: that of the model)")
    parser.add_argument("--count", type=int, default=800, help="prompts, the tasks by turns (default 800)")
    parser.add_argument("--seed", type=int, default=1, help="seed of prompts and sampling (default 1)")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy (default)")
    parser.add_argument("--check-every-tokens", type=int, default=16, help="tokens between probes (default 16)")
    parser.add_argument("--task", action="append", help="a task to ask (default: those of the model)")
    parser.add_argument("--outcomes", type=Path, help="file to write outcomes to, as JSON lines")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    spec = MODELS[arguments.model]
    model, tokenizer = load(arguments.weights or spec.weights)
    asked = list(prompts(spec, arguments.seed, arguments.count, arguments.task))
    runs = []
    for generation in generate(spec, model, tokenizer, asked, arguments.temperature):
        length = len(generation.thought)
        cuts = range(arguments.check_every_tokens, length + 1, arguments.check_every_tokens)
        shares = [round(share * length) for share in SHARES]
        probes = force(spec, model, tokenizer, generation, [*cuts, *shares], spec.close + spec.ask, spec.answer_tokens)
        runs.append(Run(generation, probes[: len(cuts)], probes[len(cuts) :]))
    print_table(runs, len(encoder(spec).encode(spec.close)))
    if arguments.outcomes:
        outcomes = [outcome(run, number, f"stopgate-reasoner-{spec.name}") for number, run in enumerate(runs)]
        arguments.outcomes.write_text("".join(json.dumps(one) + "\n" for one in outcomes))


if __name__ == "__main__":
    main()
