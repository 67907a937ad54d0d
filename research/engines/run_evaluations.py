"""Trains a test model with transformers' Trainer, whose scheduled evaluations a service stops early.

The model goes on learning from its own right answers. At each evaluation all questions are also answered in full,
without the service, so that EM and tokens in full are known and not estimated. It prints a line of JSON for each
evaluation.
"""

import argparse
import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

FOLDER = Path(__file__).parent / "model"
sys.path.insert(0, str(FOLDER))

from reasoner.generate import generate as generate_full, load  # noqa: E402
from reasoner.models import MODELS, ModelSpec  # noqa: E402
from reasoner.prompts import Prompt, prompts  # noqa: E402

from stopgate.hf import ReasoningFormat  # noqa: E402
from stopgate.training import StopgateEvaluation  # noqa: E402


class InFull(TrainerCallback):
    """Answers the questions of each evaluation in full, and prints both."""

    def __init__(self, spec: ModelSpec, tokenizer: Any, questions: dict[str, list[Prompt]]) -> None:
        self._spec, self._tokenizer, self._questions = spec, tokenizer, questions

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """Prints an evaluation. The estimates are in the metrics already."""
        for task, questions in self._questions.items():
            done = list(generate_full(self._spec, kwargs["model"].eval(), self._tokenizer, questions))
            full = {
                "em_in_full": sum(one.is_right for one in done) / len(done),
                "tokens_in_full": sum(len(one.tokens) for one in done) / len(done),
            }
            its = {name.removeprefix(f"eval_{task}_"): value for name, value in metrics.items() if f"_{task}_" in name}
            print(json.dumps({"step": state.global_step, "task": task, **full, **its}), flush=True)


def right_answers(spec: ModelSpec, model: Any, tokenizer: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The model's own right answers, to learn from."""
    asked = list(prompts(spec, 1000 + options.seed, options.steps * options.batch, options.task))
    done = [one for one in generate_full(spec, model, tokenizer, asked, temperature=0.7) if one.is_right]
    return [
        {"input_ids": one.prompt_tokens + one.tokens, "labels": [-100] * len(one.prompt_tokens) + one.tokens}
        for one in done
    ]


def set_policy(url: str, context: str, policy: dict[str, Any]) -> None:
    """Sets the policy of a context."""
    headers = {"content-type": "application/json"}
    path = f"{url}/v1/contexts/{context}/policy?create=true"
    urllib.request.urlopen(urllib.request.Request(path, json.dumps(policy).encode(), headers, method="PUT")).close()


def main() -> None:
    """Trains, and prints the evaluations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", choices=list(MODELS), default="single")
    parser.add_argument("--task", action="append", required=True)
    parser.add_argument("--questions", type=int, default=400, help="questions of an evaluation of each task")
    parser.add_argument("--control-rate", type=float, default=0.5)
    parser.add_argument("--max-em-drop", type=float, default=0.02)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--every", type=int, default=10, help="steps between evaluations")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=5e-5, help="learning rate")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    spec = MODELS[options.model]
    model, tokenizer = load(spec.weights)
    tokenizer.padding_side = "left"
    rows = right_answers(spec, model, tokenizer, options)
    questions = {task: list(prompts(spec, 77, options.questions, [task])) for task in options.task}
    reasoning = ReasoningFormat(
        close=spec.close, ask=spec.close + spec.ask, answer_tokens=spec.answer_tokens, extract=spec.extract
    )

    def collate(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in batch)
        padded = {"input_ids": tokenizer.pad_token_id, "labels": -100}
        columns = {
            name: torch.tensor([row[name] + [fill] * (longest - len(row[name])) for row in batch])
            for name, fill in padded.items()
        }
        return {**columns, "attention_mask": (columns["input_ids"] != tokenizer.pad_token_id).long()}

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, max_steps=options.steps, learning_rate=options.rate, seed=options.seed,
            per_device_train_batch_size=options.batch, eval_strategy="steps", eval_steps=options.every, use_cpu=True,
            save_strategy="no", report_to=[], disable_tqdm=True, lr_scheduler_type="constant",
        )  # fmt: skip
        trainer = Trainer(
            model, args=arguments, train_dataset=Dataset.from_list(rows), eval_dataset=Dataset.from_list(rows[:8]),
            data_collator=collate, processing_class=tokenizer,
        )  # fmt: skip
        for task, its in questions.items():
            set_policy(
                options.url, f"model=reasoner,task={task}",
                {"max_em_drop": options.max_em_drop, "evidence_span_seconds": 0, "control_rate": options.control_rate,
                 "check_every_tokens": 16},
            )  # fmt: skip
            evaluation = StopgateEvaluation(
                trainer, "evaluations", url=options.url, suite=task, context={"model": "reasoner", "task": task},
                prompts=[[{"role": "user", "content": one.content}] for one in its],
                references=[one.answer for one in its], max_new_tokens=700, reasoning=reasoning,
            )  # fmt: skip
            trainer.add_callback(evaluation)
        trainer.add_callback(InFull(spec, tokenizer, questions))
        trainer.train()


if __name__ == "__main__":
    main()
