"""A training in several processes whose rollouts a service stops: `torchrun --nproc_per_node 2 FILE URL FOLDER TASK`.

Each process writes its rollouts and reports to a file in the folder. With the address of a vLLM server as a fourth
argument, rollouts are made there, by TRL's server mode; the weights of that server stay as they are.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset

import stopgate._session
from stopgate import Client
from stopgate._outcome import outcome_of
from stopgate.hf import ReasoningFormat
from stopgate.training import Run
from stopgate.trl import Rollouts
from tiny import tiny_model, tiny_tokenizer

trl: Any = import_module("trl")
STEPS, ROWS, SAMPLES = 4, 6, 4
"""Rows of a process: with two processes, a step has three groups, and the second group is half in each process."""
CLOSE = "\n</think>\n"


def without_weights() -> None:
    """Lets TRL's client talk to a server whose weights it can't update: that needs CUDA on both sides."""
    both: list[Any] = [import_module(f"trl.generation.vllm_{name}") for name in ("client", "generation")]
    for module in both:
        module.is_vllm_available = lambda *_, **__: True
    both[0].VLLMClient.init_communicator = lambda *_, **__: None
    both[0].VLLMClient.update_named_params = lambda *_, **__: None


def main() -> None:
    """Trains for some steps."""
    url, folder, task, *vllm = sys.argv[1:]
    rank = int(os.environ["RANK"])
    torch.set_num_threads(1)
    told: list[dict[str, Any]] = []
    rollouts: list[dict[str, Any]] = []
    checkpoints: list[dict[str, Any]] = []
    report = Run.report

    def recorded(*args: Any) -> dict[str, Any]:
        told.append(outcome_of(*args))
        return told[-1]

    def reported(self: Run, checkpoint: dict[str, Any]) -> bool:
        checkpoints.append(checkpoint)
        return report(self, checkpoint)

    session: Any = stopgate._session
    session.outcome_of = recorded
    Run.report = reported  # type: ignore[method-assign]
    if vllm:
        without_weights()

    def vowels(completions: list[str], **_: Any) -> list[float]:
        return [sum(one in "aeiou" for one in text) / max(1, len(text)) for text in completions]

    with Client(url, timeout=30) as client:
        stopping = Rollouts(
            client, reward=vowels, context={"model": "tiny", "task": task}, run=f"run-{task}", report_every=1,
            reasoning=ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2),
        )  # fmt: skip

        def rolled(prompts: list[Any], trainer: Any) -> dict[str, Any]:
            done = stopping(prompts, trainer)
            rollouts.append({"prompts": prompts, **done})
            return done

        server: dict[str, Any] = (
            {"use_vllm": True, "vllm_mode": "server", "vllm_server_base_url": vllm[0]} if vllm else {}
        )
        if vllm:
            server["generation_kwargs"] = {"seed": 1, "logit_bias": {}}
        config = trl.GRPOConfig(
            output_dir=f"{folder}/{rank}", max_steps=STEPS, per_device_train_batch_size=ROWS, num_generations=SAMPLES,
            max_completion_length=40, report_to=[], use_cpu=True, save_strategy="no", logging_steps=1,
            disable_tqdm=True, bf16=False, gradient_checkpointing=False, learning_rate=1e-6, **server,
        )  # fmt: skip
        trainer = trl.GRPOTrainer(
            tiny_model(), args=config, train_dataset=Dataset.from_list([{"prompt": one} for one in "abcdefgh"]),
            processing_class=tiny_tokenizer(), rollout_func=rolled, reward_funcs=stopping.reward,
        )  # fmt: skip
        trainer.train()
        assert client.flush(30)
    said = {"outcomes": told, "rollouts": rollouts, "checkpoints": checkpoints}
    Path(folder, f"{rank}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
