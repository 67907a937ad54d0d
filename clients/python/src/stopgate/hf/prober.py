"""Forces answers aside, on the key-value cache of the generation, and leaves the cache as it was."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .._forced import TOP_TOKENS, Forced
from ..thought import Thought


class Prober:
    """Probes all rows of a batch at once.

    Args:
        model: a causal language model of transformers with a cache that can be cropped.
        tokenizer: its tokenizer.
        thought: how to ask.
    """

    def __init__(self, model: Any, tokenizer: Any, thought: Thought) -> None:
        self._model, self._tokenizer, self._thought = model, tokenizer, thought
        self._ask: list[int] = tokenizer.encode(thought.ask, add_special_tokens=False)
        self._ends = end_ids(model, tokenizer)
        self._texts: dict[int, str] = {}

    @torch.no_grad()
    def force(self, cache: Any, mask: Tensor, due: Sequence[int], lead: Tensor | None = None) -> dict[int, Forced]:
        """The greedy answers of the rows that are due.

        Args:
            cache: what has been generated, but for `lead`. It is cropped to this again.
            mask: of what is in the cache, rows by places.
            due: the rows. The others take part, and hold up nobody.
            lead: the last tokens of each row where the cache does not have them yet.

        Raises:
            ValueError: the cache can't be cropped.
        """
        if not getattr(cache, "is_croppable", True):
            raise ValueError("the cache of this model can't be cropped, so that its generations can't be probed")
        rows, before = mask.shape[0], cache.get_seq_length()
        ask = torch.tensor([self._ask], device=mask.device).expand(rows, -1)
        fed = ask if lead is None else torch.cat([lead, ask], dim=1)
        answers = {row: Forced(self._tokenizer, self._thought, fed.shape[1]) for row in due}
        try:
            for _ in range(self._thought.answer_tokens):
                logits, mask = forward(self._model, fed, mask, cache)
                logprobs = logits.log_softmax(-1)
                top = logprobs.topk(min(TOP_TOKENS, logprobs.shape[-1]), dim=-1).values.tolist()
                best = logprobs.max(-1)
                tokens, levels = best.indices.tolist(), best.values.tolist()
                for row, answer in answers.items():
                    if not answer.has_ended:
                        answer.add(tokens[row], levels[row], top[row], tokens[row] in self._ends)
                        answer.has_ended |= self._has_line(answer)
                if all(answer.has_ended for answer in answers.values()):
                    break
                fed = best.indices[:, None]
        finally:
            cache.crop(before - cache.get_seq_length())
        return answers

    def _has_line(self, answer: Forced) -> bool:
        """Whether the first line of an answer has ended, and the answer with it."""
        return "\n" in "".join(self._text(token) for token in answer.tokens).lstrip()

    def _text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self._tokenizer.decode([token])
        return self._texts[token]


def forward(model: Any, ids: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Tensor]:
    """Feeds tokens to all rows. Returns the logits of the next token, and the mask of what the cache then has.

    Args:
        mask: of what the cache has before.
    """
    return prefill(model, ids, torch.cat([mask, mask.new_ones(ids.shape)], dim=1), cache)


def prefill(model: Any, ids: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Tensor]:
    """As `forward`, with the mask of what the cache has after it."""
    positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    output = model(
        ids, attention_mask=mask, position_ids=positions, cache=cache, use_cache=True, logits_to_keep=1
    )  # fmt: skip
    return output.logits[:, -1].float(), mask


def end_ids(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end a sequence."""
    config = getattr(model, "generation_config", None)
    ids = getattr(config, "eos_token_id", None)
    known = ids if isinstance(ids, list) else [ids]
    return {one for one in [*known, tokenizer.eos_token_id] if one is not None}
