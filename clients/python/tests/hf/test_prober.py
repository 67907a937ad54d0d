"""What is forced of a row depends on that row alone."""

from typing import Any

import torch
from transformers import DynamicCache

from hf.tiny import prompts, tiny_model, tiny_tokenizer
from stopgate.hf import Thought
from stopgate.hf.prober import Prober, prefill

TEXTS = ["abc", "hello", "q", "stop here", "zebra", "mnop", "xyz", "gate"]


def forced(texts: "list[str]", due: "list[int]") -> "dict[int, tuple[list[int], int]]":
    """Tokens of each answer, and how many were decoded for it."""
    model, tokenizer = tiny_model(), tiny_tokenizer()
    inputs = prompts(tokenizer, texts)
    cache: Any = DynamicCache(config=model.config)
    with torch.no_grad():
        _, mask = prefill(model, inputs["input_ids"], inputs["attention_mask"], cache)
    cache.activate_past_recording()
    answers = Prober(model, tokenizer, Thought(ask="</think>", answer_tokens=40)).force(cache, mask, due)
    return {row: (answer.tokens, answer.decoded) for row, answer in answers.items()}


def test_an_answer_ends_with_its_line_whatever_the_other_rows_say() -> None:
    alone = {row: forced([text], [0])[0] for row, text in enumerate(TEXTS)}
    assert len({decoded for _, decoded in alone.values()}) > 1, "they end at different places"
    assert forced(TEXTS, list(range(8))) == alone
    assert forced(TEXTS, [1, 5]) == {row: alone[row] for row in (1, 5)}
