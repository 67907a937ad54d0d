"""`follow`: follow pointers for a number of hops. Stopping early is safe after the first of two or three passes.

The answer is known as soon as the first pass ends; what follows only confirms it. A hop from certain letters often
goes back to where it came from, which is noticed and corrected at once.
"""

from random import Random

from reasoner.tasks.task import Problem, Segment, Task, repeat_until_agreed

LETTERS = "abcdefghij"
TRICKY = "ae"
HASTY_SLIP_RATE = 0.7
SLIP_RATE = 0.003
EXTRA_LOOK_RATE = 0.6


def pose(rng: Random) -> Problem:
    """Poses a problem such as `follow c 6: Ad Bf ...` (a points to d; one ring of ten letters, four to eight hops)."""
    ring = rng.sample(LETTERS, len(LETTERS))
    hops = rng.randint(4, 8)
    pointers = dict(zip(ring, ring[1:] + ring[:1], strict=True))
    listed = " ".join(f"{letter.upper()}{pointers[letter]}" for letter in LETTERS)
    return Problem(f"follow {ring[0]} {hops}: {listed}", ring[hops])


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Walks the pointers twice or three times."""
    question, listed = problem.prompt.split(": ")
    _, start, hops = question.split()
    pointers = {pair[0].lower(): pair[1] for pair in listed.split()}
    segments: list[Segment] = []

    def walk(number: int) -> str:
        before, here, text = start, start, "" if number == 0 else "again "
        for hop in range(1, int(hops) + 1):
            there = pointers[here] if rng.random() >= SLIP_RATE else rng.choice(LETTERS)
            if here in TRICKY and rng.random() < HASTY_SLIP_RATE:
                text += f"{hop}{here.upper()}{before} no "
            text += f"{hop}{here.upper()}{there} "
            before, here = here, there
        segments.append(Segment(f"{text}so {here}\n"))
        return here

    repeat_until_agreed(walk, rng.random() < EXTRA_LOOK_RATE)
    return segments


TASK = Task("follow", pose, think)
