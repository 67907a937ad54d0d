"""Trains a test model with TRL's GRPOTrainer, and stops its rollouts early if there is a service.

It prints JSON lines: for each step the tokens that were rolled out and the mean reward, and at the end the tokens of all
probes, EM and tokens of full greedy answers to held-out prompts after the training, and of a training in full before it.
It sets the policy of its contexts, which are named after its model, mode and seed.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

FOLDER = Path(__file__).parent / "model"
sys.path.insert(0, str(FOLDER))

from reasoner.generate import generate as generate_full, load  # noqa: E402
from reasoner.models import MODELS, ModelSpec  # noqa: E402
from reasoner.prompts import prompts  # noqa: E402

from stopgate import Client  # noqa: E402
from stopgate.hf import ReasoningFormat  # noqa: E402
from stopgate.trl import Rollouts  # noqa: E402


class Steps(TrainerCallback):
    """Prints what the trainer logs of each step."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Prints a step."""
        if not logs or "completions/mean_length" not in logs:
            return
        kept = {name: value for name, value in logs.items() if name.startswith("stopgate/")}
        print(
            json.dumps(
                {
                    "step": state.global_step,
                    "seconds": time.perf_counter() - self.began,
                    "reward": logs["reward"],
                    "tokens_mean": logs["completions/mean_length"],
                    "loss": logs.get("loss"),
                    **kept,
                }
            ),
            flush=True,
        )


def main() -> None:
    """Trains, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of the service; without it rollouts run in full")
    parser.add_argument("--mode", choices=["answer", "truncate"], default="answer")
    parser.add_argument("--model", choices=list(MODELS), default="single")
    parser.add_argument("--task", action="append", required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--prompts", type=int, default=8, help="prompts of a step")
    parser.add_argument("--samples", type=int, default=8, help="rollouts of a prompt")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check-every", type=int, help="tokens from check to check (default: as the service chooses)")
    parser.add_argument("--evaluate", type=int, default=400, help="held-out prompts of each evaluation")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    spec = MODELS[options.model]
    model, tokenizer = load(spec.weights)
    tokenizer.padding_side = "left"
    before = evaluate(spec, model, tokenizer, options) if options.url is None else None
    rows = [
        {"prompt": [{"role": "user", "content": one.content}], "right": one.answer, "task": one.task}
        for one in prompts(spec, 1000 + options.seed, options.steps * options.prompts, options.task)
    ]
    tasks = {row["prompt"][0]["content"]: row["task"] for row in rows}

    def exact_match(completions: list[Any], right: list[str], task: list[str], **_: Any) -> list[float]:
        texts = [completion[0]["content"].partition("</think>")[2] for completion in completions]
        read = [spec.all_tasks[one].read(text) for text, one in zip(texts, task, strict=True)]
        return [float(said == answer) for said, answer in zip(read, right, strict=True)]

    stopping = None
    client = None
    if options.url is not None:
        client = Client(options.url, timeout=5.0)
        ask, most = spec.close + spec.ask, spec.answer_tokens
        reasoning = ReasoningFormat(close=spec.close, ask=ask, answer_tokens=most, extract=spec.extract)

        name = f"{options.model}-{options.mode}-{options.seed}"
        set_policy(options.url, f"model={name}", options.check_every)

        def context(prompt: Any) -> dict[str, str]:
            return {"model": name, "task": tasks[prompt[0]["content"]]}

        stopping = Rollouts(
            client, reward=exact_match, context=context, mode=options.mode, reasoning=reasoning, run=name
        )
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder, max_steps=options.steps, learning_rate=options.rate, seed=options.seed,
            per_device_train_batch_size=options.prompts * options.samples, num_generations=options.samples,
            max_completion_length=400, temperature=0.7, beta=0.0, shuffle_dataset=False,
            lr_scheduler_type="constant", use_cpu=True, bf16=False, gradient_checkpointing=False, logging_steps=1,
            save_strategy="no", report_to=[], disable_tqdm=True,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer, callbacks=[Steps()],
            reward_funcs=exact_match if stopping is None else stopping.reward, rollout_func=stopping,
        )  # fmt: skip
        began, busy = time.perf_counter(), time.process_time()
        trainer.train()
        seconds, busy_seconds = time.perf_counter() - began, time.process_time() - busy
    probe_tokens = 0
    if client is not None:
        client.close(10)
        probe_tokens = client.counters.probe_tokens
    after = evaluate(spec, model.eval(), tokenizer, options)
    print(json.dumps({"probe_tokens": probe_tokens, "before": before, "after": after, "seconds": seconds, "processor_seconds": busy_seconds}), flush=True)


def set_policy(url: str, key: str, check_every: int | None) -> None:
    """Allows a loss of 5 points. Prompts are drawn at random, so evidence needs no span."""
    cadence = {} if check_every is None else {"check_every_tokens": check_every, "check_growth": 0}
    policy = {"max_em_drop": 0.05, "evidence_span_seconds": 0, **cadence}
    request = Request(
        f"{url}/v1/contexts/{quote(key)}/policy?create=true", json.dumps(policy).encode(),
        {"content-type": "application/json"}, method="PUT",
    )  # fmt: skip
    urlopen(request).close()


def evaluate(spec: ModelSpec, model: Any, tokenizer: Any, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """EM and mean tokens of each task, answered in full and greedily; the prompts are the same for all seeds."""
    said: dict[str, dict[str, float]] = {}
    for task in options.task:
        held_out = list(prompts(spec, 77, options.evaluate, [task]))
        done = list(generate_full(spec, model, tokenizer, held_out))
        said[task] = {
            "n": len(done),
            "em": sum(one.is_right for one in done) / len(done),
            "tokens_mean": sum(len(one.tokens) for one in done) / len(done),
        }
    return said


if __name__ == "__main__":
    main()
