"""Chooses tokens."""

from typing import Any

import torch
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


class Sampling:
    """Greedy without a temperature, else sampled.

    Args:
        temperature: above 0; None: greedy.
        top_k: how many of the most probable tokens may be chosen; None: all.
        top_p: the share of probability that may be chosen from; None: all.
        logits_processor: changes the logits before.
        generator: of the random numbers.
    """

    def __init__(
        self,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        logits_processor: LogitsProcessorList | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        self._is_greedy, self._generator = temperature is None, generator
        self._processors: Any = LogitsProcessorList(logits_processor or [])
        if temperature is not None:
            self._processors.append(TemperatureLogitsWarper(temperature))
            if top_k is not None:
                self._processors.append(TopKLogitsWarper(top_k))
            if top_p is not None:
                self._processors.append(TopPLogitsWarper(top_p))

    def choose(self, ids: Tensor, logits: Tensor) -> list[int]:
        """The next token of each row.

        Args:
            ids: prompt and tokens so far, rows by places.
            logits: of the next token, rows by vocabulary.
        """
        scores = self._processors(ids, logits)
        if self._is_greedy:
            chosen = scores.argmax(-1)
        else:
            chosen = torch.multinomial(scores.softmax(-1), 1, generator=self._generator).squeeze(1)
        numbers: list[int] = chosen.tolist()
        return numbers
