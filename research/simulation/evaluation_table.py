"""Prints the table of evaluations that are stopped early, in docs/evidence/training.md.

`PYTHONPATH=clients/python/src:clients/python/tests python research/simulation/evaluation_table.py`
"""

import random
from collections.abc import Sequence
from math import sqrt

from simulated_evaluation import Simulated, simulate

from stopgate.evaluation import Estimate, estimate

QUESTIONS, SHARES, DROPS, RUNS = 400, (0.1, 0.2, 0.5), (0.0, 0.01, 0.05), 2000


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
