"""Records full runs of a test model, probed every few tokens, as traces for `evaluate` and `simulations stages`.

The service must have `DEFAULT_POLICY='{"mode":"off","control_rate":1,"check_every_tokens":4,"check_growth":0}'`. The first batch is left
out, since the client learns the cadence from it.
"""

import argparse
import json
import sys

import torch
from run_transformers import MODELS, Finished, Generation, Prompt, batches, load, prompts, serve
from stopgate import Client

BATCH = 64


def main() -> None:
    """Writes a line for each generation to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--generations", type=int, required=True)
    parser.add_argument("--model", choices=list(MODELS), default="single", help="the model (default single)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    spec = MODELS[options.model]
    model, tokenizer = load(spec.weights)
    tokenizer.padding_side = "left"
    with Client(options.url, timeout=60) as client:
        for number, batch in enumerate(batches(prompts(spec, options.seed, options.generations + BATCH), BATCH)):
            served, runs = serve(spec, model, tokenizer, client, batch)
            for prompt, one, run in zip(batch, served, runs, strict=True):
                if number > 0:
                    sys.stdout.write(json.dumps(trace(prompt, one, run)) + "\n")


def trace(prompt: Prompt, one: Finished, run: Generation) -> dict[str, object]:
    """The outcome of a run, each step with the EM of its forced answer."""
    steps = [
        {
            "tokens": step.tokens,
            "confidence": step.confidence,
            "signals": step.signals,
            "em": int(step.answer == prompt.answer),
        }
        for step in run.steps
        if step.confidence is not None
    ]
    return {
        "generation_id": run.id,
        "group_id": run.id,
        "context": {"model": "reasoner", "task": prompt.task},
        "tokens": len(one.tokens),
        "answer_tokens": len(one.tokens) - one.reasoning_tokens,
        "em": int(one.answer == prompt.answer),
        "steps": steps,
    }


if __name__ == "__main__":
    main()
