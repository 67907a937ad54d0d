"""Generates with transformers, and forces answers as if the reasoning were cut somewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from reasoner.models import ModelSpec
from reasoner.prompts import Prompt
from reasoner.tokenizer import END_THINK, encoder

MAX_NEW_TOKENS = 700
# transformers declares the results of its classes too loosely to be checked.
Model = Any
Tokenizer = Any


@dataclass(frozen=True)
class Generation:
    """One full run. `tokens` holds all generated ids, the end of sequence included; `thought` those before </think>."""

    prompt: Prompt
    prompt_tokens: list[int]
    tokens: list[int]
    thought: list[int]
    answer: str

    @property
    def is_right(self) -> bool:
        """Exact match of the final answer."""
        return self.answer == self.prompt.answer


@dataclass(frozen=True)
class Probe:
    """The answer forced after `tokens` tokens of the thought, its mean probability, and the tokens decoded for it."""

    tokens: int
    answer: str
    confidence: float
    decoded: int


def load(folder: Path) -> tuple[Model, Tokenizer]:
    """The model and its tokenizer as any user of transformers loads them."""
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def prompt_tokens(tokenizer: Tokenizer, content: str) -> list[int]:
    """The ids that the chat template makes of one user message."""
    messages = [{"role": "user", "content": content}]
    ids: list[int] = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    return ids


def _generation(
    spec: ModelSpec, tokenizer: Tokenizer, prompt: Prompt, opening: list[int], tokens: list[int]
) -> Generation:
    end, end_think = encoder(spec).end, tokenizer.convert_tokens_to_ids(END_THINK)
    if end in tokens:
        tokens = tokens[: tokens.index(end) + 1]
    ends = tokens.index(end_think) if end_think in tokens else len(tokens)
    answer = spec.all_tasks[prompt.task].read(tokenizer.decode(tokens[ends + 1 :], skip_special_tokens=True))
    return Generation(prompt, opening, tokens, tokens[:ends], answer)


@torch.no_grad()
def generate(
    spec: ModelSpec,
    model: Model,
    tokenizer: Tokenizer,
    prompts: Sequence[Prompt],
    temperature: float = 0.0,
    batch_size: int = 64,
) -> Iterator[Generation]:
    """Yields one full run for each prompt, in order; greedy at temperature 0."""
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
    for start in range(0, len(prompts), batch_size):
        chosen = prompts[start : start + batch_size]
        openings = [prompt_tokens(tokenizer, prompt.content) for prompt in chosen]
        inputs = tokenizer.pad({"input_ids": openings}, padding_side="left", return_tensors="pt")
        output: Tensor = model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, **sampling)
        for prompt, opening, row in zip(
            chosen, openings, output[:, inputs["input_ids"].shape[1] :].tolist(), strict=True
        ):
            yield _generation(spec, tokenizer, prompt, opening, row)


@torch.no_grad()
def force(
    spec: ModelSpec,
    model: Model,
    tokenizer: Tokenizer,
    generation: Generation,
    cuts: Sequence[int],
    ask: str,
    most: int,
) -> list[Probe]:
    """The answers after each number of thought tokens in `cuts`, greedily, on one cache of the whole thought.

    Args:
        ask: text between the cut and the answer, the closing text included.
        most: tokens of an answer at most; it also ends with the sequence.
    """
    if not cuts:
        return []
    code, task = encoder(spec), spec.all_tasks[generation.prompt.task]
    main, fed = generation.prompt_tokens + generation.thought, torch.tensor([code.encode(ask)] * len(cuts))
    seen = torch.tensor(cuts)[:, None] + len(generation.prompt_tokens)
    cache = model(torch.tensor([main]), use_cache=True, logits_to_keep=1).past_key_values
    cache.batch_repeat_interleave(len(cuts))
    mask = (torch.arange(len(main))[None] < seen).long()
    tokens: list[list[int]] = [[] for _ in cuts]
    logprobs: list[list[float]] = [[] for _ in cuts]
    position = seen
    for _ in range(most):
        mask = torch.cat([mask, mask.new_ones(fed.shape)], dim=1)
        positions = position + torch.arange(fed.shape[1])
        output = model(
            fed, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        best = output.logits[:, -1].log_softmax(-1).max(-1)
        for row, (token, logprob) in enumerate(zip(best.indices.tolist(), best.values.tolist(), strict=True)):
            if code.end not in tokens[row][-1:]:
                tokens[row].append(token)
                logprobs[row].append(logprob)
        if all(row[-1] == code.end for row in tokens):
            break
        position, fed = position + fed.shape[1], best.indices[:, None]
    behind = ask.removeprefix(spec.close)
    return [
        Probe(
            cut,
            task.read(behind + tokenizer.decode(row, skip_special_tokens=True)),
            mean_probability(row, some, code.end),
            len(row),
        )
        for cut, row, some in zip(cuts, tokens, logprobs, strict=True)
    ]


def mean_probability(tokens: Sequence[int], logprobs: Sequence[float], end: int) -> float:
    """The geometric mean probability of the tokens, the end of the sequence left out."""
    kept = [logprob for token, logprob in zip(tokens, logprobs, strict=True) if token != end]
    return float(torch.tensor(kept).mean().exp()) if kept else 0.0
