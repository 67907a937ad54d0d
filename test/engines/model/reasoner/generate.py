"""Generates with transformers and reads off what the model would answer if its thought were cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from reasoner.batches import collate
from reasoner.examples import Example
from reasoner.prompts import Prompt
from reasoner.tokenizer import END, END_THINK, vocabulary

MAX_NEW_TOKENS = 700
# transformers declares the results of its classes too loosely to be checked.
Model = Any
Tokenizer = Any
_IDS = {token: number for number, token in enumerate(vocabulary())}


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
    """The answer forced after `tokens` tokens of the thought, and its probability."""

    tokens: int
    answer: str
    confidence: float


def load(folder: Path) -> tuple[Model, Tokenizer]:
    """The model and its tokenizer as any user of transformers loads them."""
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def prompt_tokens(tokenizer: Tokenizer, content: str) -> list[int]:
    """The ids that the chat template makes of one user message."""
    messages = [{"role": "user", "content": content}]
    ids: list[int] = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    return ids


def _generation(tokenizer: Tokenizer, prompt: Prompt, opening: list[int], tokens: list[int]) -> Generation:
    if _IDS[END] in tokens:
        tokens = tokens[: tokens.index(_IDS[END]) + 1]
    ends = tokens.index(_IDS[END_THINK]) if _IDS[END_THINK] in tokens else len(tokens)
    answer = tokenizer.decode(tokens[ends + 1 :], skip_special_tokens=True)
    return Generation(prompt, opening, tokens, tokens[:ends], answer)


@torch.no_grad()
def generate(
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
            yield _generation(tokenizer, prompt, opening, row)


def _with_branches(generation: Generation, cuts: Sequence[int]) -> Example:
    main, opening = generation.prompt_tokens + generation.thought, len(generation.prompt_tokens)
    places = list(range(len(main)))
    seen = [opening + cut for cut in cuts]
    return Example(
        tokens=main + [_IDS[END_THINK]] * len(cuts),
        positions=places + seen,
        targets=[],
        sees=[place + 1 for place in places] + seen,
        branch=[0] * len(main) + list(range(1, len(cuts) + 1)),
    )


@torch.no_grad()
def probe(model: Model, tokenizer: Tokenizer, generation: Generation, cuts: Sequence[int]) -> list[Probe]:
    """The answers forced after each number of thought tokens in `cuts`, all in one forward pass."""
    if not cuts:
        return []
    batch = collate([_with_branches(generation, cuts)])
    logits = model(batch.tokens, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False).logits[
        0, -len(cuts) :
    ]
    confidences, answers = logits.softmax(-1).max(-1)
    return [
        Probe(cut, tokenizer.decode([answer]), confidence)
        for cut, answer, confidence in zip(cuts, answers.tolist(), confidences.tolist(), strict=True)
    ]
