"""`add`: the last digit of a sum. Stopping early loses answers, because the first result is trusted and often wrong.

The first pass usually gets sums of large digits wrong. The second pass corrects most of them, and a third decides. A
thought that is cut after a pass answers with its result, as sure of it as of any other, and so does the whole thought:
what every pass gets wrong stays wrong.
"""

from random import Random

from reasoner.tasks.task import Problem, Segment, Task, repeat_until_agreed

LABELS = "abcdefg"
LARGE, LARGEST = 7, 9
HASTY_SLIP_RATE = 0.8
SLIP_RATE = 0.005


def pose(rng: Random) -> Problem:
    """Poses a problem such as `add a3 b8 c5 d2` (four to seven labelled digits)."""
    digits = [rng.randint(0, 9) for _ in range(rng.randint(4, len(LABELS)))]
    listed = " ".join(f"{label}{digit}" for label, digit in zip(LABELS, digits, strict=False))
    return Problem(f"add {listed}", str(sum(digits) % 10))


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Adds twice, and a third time where the results differ."""
    terms = [(term[0], int(term[1])) for term in problem.prompt.split()[1:]]
    segments: list[Segment] = []
    results: list[str] = []

    def add(number: int) -> str:
        text, total = "" if number == 0 else "again ", 0
        least = LARGE if number == 0 else LARGEST
        for label, digit in terms:
            result = (total + digit) % 10
            if total >= least and digit >= LARGE and rng.random() < HASTY_SLIP_RATE:
                result = (result + 1) % 10
            elif rng.random() < SLIP_RATE:
                result = rng.randint(0, 9)
            text += f"{label}{total}+{digit}={result} "
            total = result
        before = results[-1] if results else None
        results.append(str(total))
        segments.extend((Segment(text, before), Segment(f"so {total}\n", str(total))))
        return str(total)

    repeat_until_agreed(add, False)
    return segments


TASK = Task("add", pose, think)
