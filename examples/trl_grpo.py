# python3 examples/trl_grpo.py Qwen/Qwen3-0.6B
#
# Needs `pip install './clients/python[training]' 'trl>=1.16'`. Trains sums with GRPO; rollouts whose reward is settled
# are stopped.
import random
import sys

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
trainer = GRPOTrainer(
    sys.argv[1] if len(sys.argv) > 1 else "Qwen/Qwen3-0.6B",
    args=GRPOConfig("grpo-sums", max_completion_length=512, num_generations=8, per_device_train_batch_size=8),
    train_dataset=Dataset.from_list([row() for _ in range(1000)]),
    rollout_func=stopping,
    reward_funcs=stopping.reward,
)
trainer.train()
