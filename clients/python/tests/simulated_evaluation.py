"""Simulated evaluations that are stopped early, with their truth."""

import random
from collections.abc import Callable
from typing import NamedTuple

from stopgate.evaluation import Item, mean_of


class Answer(NamedTuple):
    """An answer, whether it is stopped or not. A stop halves its tokens."""

    em: float
    em_stopped: float | None
    tokens: int


class Simulated(NamedTuple):
    """An evaluation with its truth."""

    items: list[Item]
    full: list[Answer]
    is_control: list[bool]

    @property
    def em(self) -> float:
        """Exact Match of all answers in full."""
        return sum(one.em for one in self.full) / len(self.full)


def answer(draws: random.Random, drop: float, em: float = 0.8, gained: float = 0.005) -> Answer:
    """An answer whose stop loses so much of Exact Match in the mean. One in ten crosses nothing."""
    right, tokens, place = draws.random() < em, draws.randrange(200, 1000), draws.random()
    if draws.random() < 0.1:
        return Answer(right, None, tokens)
    lost = (drop / 0.9 + gained) / em  # of those that are right; as many of the wrong ones are gained as stated
    return Answer(right, place >= lost if right else place < gained / (1 - em), tokens)


def simulate(
    draws: random.Random, questions: int, drop: float, share_of: Callable[[int], float], repeats: int = 1
) -> Simulated:
    """An evaluation. Each question is control with its share, with all of its answers."""
    items, full, is_control = [], [], []
    for place in range(questions):
        share = share_of(place)
        control = draws.random() < share
        answers = [answer(draws, drop) for _ in range(repeats)]
        items.append(mean_of([seen(one, control, share) for one in answers]))
        full.append(Answer(sum(one.em for one in answers) / repeats, None, sum(one.tokens for one in answers)))
        is_control.append(control)
    return Simulated(items, full, is_control)


def seen(one: Answer, control: bool, share: float) -> Item:
    """What an evaluation sees of an answer."""
    if one.em_stopped is None or control:
        at = None if one.em_stopped is None else one.tokens / 2
        return Item(one.em, one.em_stopped, one.tokens, at, share=share)
    return Item(None, one.em_stopped, one.tokens / 2, share=share)
