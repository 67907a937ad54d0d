"""`add`: the last digit of a sum. Stopping early loses answers, because the first result is trusted and often wrong.

The first pass usually gets sums of large digits wrong, the second pass corrects them, and a third decides. A thought
that is cut after the first pass answers with its result, as sure of it as of any other.
"""

from random import Random

from reasoner.tasks.task import Problem, Segment, Task, repeat_until_agreed

LABELS = "abcdefgh"
LARGE = 8
HASTY_SLIP_RATE = 0.65
SLIP_RATE = 0.01


def pose(rng: Random) -> Problem:
    """Poses a problem such as `add a3 b8 c5 d2` (five to eight labelled digits)."""
    digits = [rng.randint(0, 9) for _ in range(rng.randint(5, len(LABELS)))]
    listed = " ".join(f"{label}{digit}" for label, digit in zip(LABELS, digits, strict=False))
    return Problem(f"add {listed}", str(sum(digits) % 10))


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Adds twice, and a third time where the results differ."""
    terms = [(term[0], int(term[1])) for term in problem.prompt.split()[1:]]
    segments: list[Segment] = []
    results: list[str] = []

    def add(number: int) -> str:
        belief = results[0] if number == 1 else None
        text, total = "" if number == 0 else "again ", 0
        for label, digit in terms:
            result = (total + digit) % 10
            if number == 0 and total >= LARGE and digit >= LARGE and rng.random() < HASTY_SLIP_RATE:
                result = (result + 1) % 10
            elif rng.random() < SLIP_RATE:
                result = rng.randint(0, 9)
            text += f"{label} {total}+{digit}={result} "
            total = result
        results.append(str(total))
        segments.extend((Segment(text, belief), Segment(f"so {total}\n", results[0] if number < 2 else None)))
        return str(total)

    repeat_until_agreed(add, False)
    return segments


TASK = Task("add", pose, think)
