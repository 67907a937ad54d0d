"""`total`: add digits to a number. Later reasoning sometimes changes the answer, mostly for the better.

In training the first pass often forgets to carry where a large digit meets another, which the second pass corrects; a
third decides.
"""

from random import Random

from reasoner.tasks.boxed_answer import pose_terms, read_boxed, think_in_passes, write_boxed
from reasoner.tasks.task import Problem, Segment, Task

LABELS = "abcdef"
LARGE = 8
HASTY_SLIP_RATE = 0.75
LATER_SLIP_RATE = 0.05


def pose(rng: Random) -> Problem:
    """Poses a problem such as `total 437: a8 b5 c2 d9` (four to six digits)."""
    start, digits = pose_terms(rng, 4, len(LABELS))
    listed = " ".join(f"{label}{digit}" for label, digit in zip(LABELS, digits, strict=False))
    return Problem(f"total {start}: {listed}", str(start + sum(digits)))


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Adds twice, and a third time where the results differ."""
    question, listed = problem.prompt.split(": ")
    start = int(question.split()[1])

    def add(number: int) -> tuple[list[str], str]:
        total, lines = start, []
        for term in listed.split():
            digit = int(term[1])
            result = total + digit
            slip_rate = LATER_SLIP_RATE if number else HASTY_SLIP_RATE
            if total % 10 >= LARGE and digit >= LARGE and rng.random() < slip_rate:
                result -= 10
            lines.append(f"{term[0]} {total}+{digit}={result}")
            total = result
        return lines, str(total)

    return think_in_passes(add, False)


TASK = Task("total", pose, think, write_boxed, read_boxed)
