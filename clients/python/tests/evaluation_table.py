"""Simulates evaluations that are stopped early, and prints the table of docs/evidence/training.md.

`python tests/evaluation_table.py` in clients/python, with `PYTHONPATH=src`.
"""

import random
from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

from stopgate.evaluation import Estimate, Item, estimate, mean_of

QUESTIONS, SHARES, DROPS, RUNS = 400, (0.1, 0.2, 0.5), (0.0, 0.01, 0.05), 2000


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


def root_mean_square(errors: Sequence[float]) -> float:
    """In points."""
    return 100 * sqrt(sum(error**2 for error in errors) / len(errors))


def control_only(one: Simulated) -> float:
    """Exact Match of the control answers alone."""
    its = [full.em for full, control in zip(one.full, one.is_control, strict=True) if control]
    return sum(its) / len(its) if its else 0.5


def fewer_questions(draws: random.Random, one: Simulated, said: Estimate) -> float:
    """Exact Match of as many questions as could have been answered in full with the same tokens."""
    count = max(1, round(len(one.full) * (1 - said.tokens_saved_ratio)))
    return sum(full.em for full in draws.sample(one.full, count)) / count


def row(draws: random.Random, share: float, drop: float) -> str:
    """A row of the table."""
    runs = [simulate(draws, QUESTIONS, drop, lambda _: share) for _ in range(RUNS)]
    said = [estimate(one.items) for one in runs]
    both = list(zip(runs, said, strict=True))
    cells = [
        f"{share:g}",
        f"{100 * drop:g}",
        f"{100 * sum(one.tokens_saved_ratio for one in said) / RUNS:.0f} %",
        f"{100 * sum(one.em - run.em for run, one in both) / RUNS:+.2f}",
        *(
            f"{root_mean_square(errors):.1f}"
            for errors in (
                [one.em - run.em for run, one in both],
                [one.em_stopped - run.em for run, one in both],
                [control_only(run) - run.em for run in runs],
                [fewer_questions(draws, run, one) - run.em for run, one in both],
            )
        ),
        f"{100 * sum(one.em - one.em_low for one in said) / RUNS:.1f}, "
        f"{100 * sum(one.em_high - one.em for one in said) / RUNS:.1f}",
        f"{100 * sum(one.em_low <= run.em <= one.em_high for run, one in both) / RUNS:.1f} %",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Prints the table."""
    draws = random.Random(1)
    print(f"{QUESTIONS} questions, {RUNS} evaluations a row")
    for share in SHARES:
        for drop in DROPS:
            print(row(draws, share, drop))


if __name__ == "__main__":
    main()
