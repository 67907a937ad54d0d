# python3 examples/trl_grpo.py Qwen/Qwen3-0.6B 300
#
# Needs `pip install './clients/python[training]' 'trl>=1.16'`. Trains sums with GRPO, here for 300 steps; rollouts whose
# reward is settled are stopped.
import random
import sys

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from stopgate import Client
from stopgate.trl import Rollouts


def exact_match(prompts: list, completions: list, right: list[str], **_: object) -> list[float]:
    """The reward: 1 if the text after the reasoning has the right number."""
    texts = [completion[-1]["content"].split("</think>")[-1] for completion in completions]
    return [float(answer in text.split()) for text, answer in zip(texts, right, strict=True)]


def row() -> dict:
    a, b = random.randrange(100), random.randrange(100)
    return {"prompt": [{"role": "user", "content": f"What is {a} + {b}?"}], "right": str(a + b)}


stopping = Rollouts(Client(), reward=exact_match, context={"model": "grpo", "task": "sums"}, run="grpo")
model, steps = sys.argv[1:]
has_gpu = torch.cuda.is_available()
trainer = GRPOTrainer(
    model,
    args=GRPOConfig(
        "grpo-sums", max_steps=int(steps), max_completion_length=512, num_generations=8, per_device_train_batch_size=8,
        use_cpu=not has_gpu, bf16=has_gpu, save_strategy="no", report_to="none",
    ),
    train_dataset=Dataset.from_list([row() for _ in range(1000)]),
    rollout_func=stopping,
    reward_funcs=stopping.reward,
)
trainer.train()
