"""Batches of training examples as tensors."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from reasoner.examples import IGNORED, Example, draw_example
from reasoner.models import ModelSpec
from reasoner.tasks import Task

POOL_SIZE = 1024


@dataclass(frozen=True)
class Batch:
    """Tensors of shape (sequences, length); `mask` (sequences, 1, length, length): which place sees which."""

    tokens: Tensor
    positions: Tensor
    targets: Tensor
    mask: Tensor


def _padded(rows: list[list[int]], value: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)


def collate(examples: list[Example]) -> Batch:
    """Pads the examples to one length. Padding sees the first token only and predicts nothing."""
    tokens = _padded([example.tokens for example in examples], 0)
    sees = _padded([example.sees for example in examples], 1)
    branch = _padded([example.branch for example in examples], 0)
    place = torch.arange(tokens.shape[1])
    own_branch = (branch[:, :, None] == branch[:, None, :]) & (branch > 0)[:, :, None] & (place[:, None] >= place)
    mask = (place < sees[:, :, None]) | own_branch
    return Batch(
        tokens,
        _padded([example.positions for example in examples], 0),
        _padded([example.targets for example in examples], IGNORED),
        mask[:, None],
    )


def batches(rng: Random, spec: ModelSpec, tasks: list[Task], tokens_per_batch: int) -> Iterator[Batch]:
    """Endless batches of about `tokens_per_batch` tokens, each of sequences of similar length."""
    while True:
        pool = [draw_example(rng, spec, tasks[number % len(tasks)]) for number in range(POOL_SIZE)]
        pool.sort(key=lambda example: len(example.tokens))
        groups: list[list[Example]] = [[]]
        for example in pool:
            if groups[-1] and (len(groups[-1]) + 1) * len(example.tokens) > tokens_per_batch:
                groups.append([])
            groups[-1].append(example)
        rng.shuffle(groups)
        yield from map(collate, groups)
