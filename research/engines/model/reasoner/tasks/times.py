"""`times`: the hundreds digit of a product. The model is bad at it: the steps are too large for its size."""

from random import Random

from reasoner.tasks.task import Problem, Segment, Task, repeat_until_agreed

SLIP_RATE = 0.06


def pose(rng: Random) -> Problem:
    """Poses a problem such as `times 34*86`."""
    left, right = rng.randint(12, 99), rng.randint(12, 99)
    return Problem(f"times {left}*{right}", str(left * right // 100 % 10))


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Multiplies twice, and a third time where the results differ."""
    left, right = (int(factor) for factor in problem.prompt.split()[1].split("*"))
    segments: list[Segment] = []

    def slipped(value: int) -> int:
        return value + rng.choice((-100, -10, 10, 100)) if rng.random() < SLIP_RATE else value

    def multiply(number: int) -> str:
        tens, ones = slipped(left * (right // 10)), slipped(left * (right % 10))
        product = slipped(tens * 10 + ones)
        result = str(abs(product) // 100 % 10)
        lead = "" if number == 0 else "again "
        segments.append(
            Segment(f"{lead}{left}*{right // 10}={tens} *{right % 10}={ones} {tens}0+{ones}={product} so {result}\n")
        )
        return result

    repeat_until_agreed(multiply, False)
    return segments


TASK = Task("times", pose, think)
