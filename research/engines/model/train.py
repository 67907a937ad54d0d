"""Trains a model from nothing and writes it in Hugging Face format and as GGUF.

    python train.py
    python train.py --start weights --steps 400 --seed 19
    python train.py --model boxed

One thread, about ten minutes of CPU time, and three for the second command, which goes on from the first. The seed
fixes the data and the initial weights; other processors round differently, so their weights differ in detail.
"""

import argparse
import time
from pathlib import Path
from random import Random

import torch
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from reasoner.attention import HIDDEN, NAME
from reasoner.batches import Batch, batches
from reasoner.examples import IGNORED
from reasoner.gguf_file import write_gguf
from reasoner.models import MODELS, ModelSpec
from reasoner.muon import Muon
from reasoner.tasks import Task
from reasoner.tokenizer import END, PAD, build_tokenizer, vocabulary

WARM_UP_STEPS = 100
COOL_DOWN_STEPS = 600
REPORT_EVERY_STEPS = 50


def build_model(spec: ModelSpec) -> LlamaForCausalLM:
    """The untrained model: about 0.9 million parameters, heads of 32."""
    tokens = vocabulary(spec)
    config = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        initializer_range=0.04,
        bos_token_id=None,
        eos_token_id=tokens.index(END),
        pad_token_id=tokens.index(PAD),
    )
    return LlamaForCausalLM(config)


def build_optimizers(model: LlamaForCausalLM) -> list[Optimizer]:
    """Muon for the matrices of the layers, AdamW for the embedding and the norms."""
    matrices = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "embed" not in name]
    rest = [weight for name, weight in model.named_parameters() if weight.ndim < 2 or "embed" in name]
    return [Muon(matrices, lr=0.006, weight_decay=0.01), AdamW(rest, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0)]


def loss_of(model: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    """The mean cross entropy of the batch's targets, in nats a token."""
    mask = torch.zeros(batch.mask.shape).masked_fill(~batch.mask, HIDDEN)
    logits = model(batch.tokens, attention_mask=mask, position_ids=batch.positions, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORED)


def train(
    spec: ModelSpec, model: LlamaForCausalLM, tasks: list[Task], steps: int, tokens_per_batch: int, seed: int
) -> None:
    """Trains in place; the learning rate rises for WARM_UP_STEPS and falls to zero in the last COOL_DOWN_STEPS."""
    optimizers = build_optimizers(model)
    schedules = [
        LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS, (steps - step) / COOL_DOWN_STEPS))
        for optimizer in optimizers
    ]
    data = batches(Random(f"train {seed}"), spec, tasks, tokens_per_batch)
    started, sum_of_losses = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        loss = loss_of(model, next(data))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        sum_of_losses += loss.item()
        if step % REPORT_EVERY_STEPS == 0:
            seconds = time.monotonic() - started
            print(f"step {step} loss {sum_of_losses / REPORT_EVERY_STEPS:.4f} after {seconds:.0f} s", flush=True)
            sum_of_losses = 0.0


def save(spec: ModelSpec, model: LlamaForCausalLM, folder: Path) -> None:
    """Writes the folder. Weights are stored in 16 bits; `dtype` makes loaders compute in 32."""
    model.half().save_pretrained(folder)  # type: ignore[no-untyped-call]
    config = LlamaConfig.from_pretrained(folder)
    config.dtype = "float32"
    config.save_pretrained(folder)
    tokens = vocabulary(spec)
    ends = {"eos_token_id": tokens.index(END), "pad_token_id": tokens.index(PAD)}
    GenerationConfig.from_dict(ends).save_pretrained(folder)
    build_tokenizer(spec).save_pretrained(folder)


def main() -> None:
    """Trains and saves."""
    parser = argparse.ArgumentParser(description="Trains a model and writes it in Hugging Face format and as GGUF.")
    parser.add_argument("--model", choices=list(MODELS), default="single", help="the model (default single)")
    parser.add_argument("--weights", type=Path, help="Hugging Face folder to write (default: that of the model)")
    parser.add_argument("--gguf", type=Path, help="GGUF file to write (default: that of the model)")
    parser.add_argument("--start", type=Path, help="Hugging Face folder to go on from (default: from nothing)")
    parser.add_argument("--steps", type=int, help="optimizer steps (default: those of the model)")
    parser.add_argument("--tokens-per-batch", type=int, help="tokens a step (default: those of the model)")
    parser.add_argument("--seed", type=int, help="seed of data and initial weights (default: that of the model)")
    parser.add_argument("--task", action="append", help="a task to train (default: those of the model)")
    arguments = parser.parse_args()
    spec = MODELS[arguments.model]
    seed, steps = arguments.seed or spec.seed, arguments.steps or spec.steps
    tokens_per_batch = arguments.tokens_per_batch or spec.tokens_per_batch
    weights, gguf = arguments.weights or spec.weights, arguments.gguf or spec.gguf
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = LlamaForCausalLM.from_pretrained(arguments.start) if arguments.start else build_model(spec)
    model.set_attn_implementation(NAME)
    tasks = [spec.all_tasks[task] for task in arguments.task or spec.tasks]
    train(spec, model, tasks, steps, tokens_per_batch, seed)
    save(spec, model, weights)
    write_gguf(spec, weights, gguf)


if __name__ == "__main__":
    main()
