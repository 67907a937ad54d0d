"""`count`: the last digit of the number of times that a letter occurs. Confidence rises as the groups are counted.

The prompt alone allows a guess, and the fewer groups are left, the better it is. The rest, after the first pass, only
confirms its result. A group with many of the letter is often miscounted, noticed at once, and counted again.
"""

from random import Random

from reasoner.tasks.task import Problem, Segment, Task, repeat_until_agreed

LETTERS = "abc"
GROUP_SIZE = 5
MANY = 4
HASTY_SLIP_RATE = 0.7
SLIP_RATE = 0.02
EXTRA_LOOK_RATE = 0.3


def pose(rng: Random) -> Problem:
    """Poses a problem such as `count b: 1abcab 2ccaba ...` (three to six numbered groups of five letters)."""
    letter = rng.choice(LETTERS)
    groups = ["".join(rng.choices(LETTERS, k=GROUP_SIZE)) for _ in range(rng.randint(3, 6))]
    listed = " ".join(f"{number}{group}" for number, group in enumerate(groups, 1))
    return Problem(f"count {letter}: {listed}", str("".join(groups).count(letter) % 10))


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Counts twice or three times, with a running total after each group."""
    question, listed = problem.prompt.split(": ")
    letter, groups = question[-1], listed.split()
    segments: list[Segment] = []

    def count(number: int) -> str:
        text, total = "" if number == 0 else "again ", 0
        for group in groups:
            found = group.count(letter)
            text += group
            if found >= MANY and rng.random() < HASTY_SLIP_RATE:
                text += f"+{found - 1} no"
            elif rng.random() < SLIP_RATE:
                found = max(0, found + rng.choice((-1, 1)))
            total = (total + found) % 10
            text += f"+{found}={total} "
        segments.append(Segment(f"{text}so {total}\n"))
        return str(total)

    repeat_until_agreed(count, rng.random() < EXTRA_LOOK_RATE)
    return segments


TASK = Task("count", pose, think)
