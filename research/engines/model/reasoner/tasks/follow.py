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


def pose_ring(rng: Random, name: str, least: int, most: int) -> Problem:
    """Poses a problem such as `follow c 6: Ad Bf ...` (a points to d; one ring of ten letters, so many hops)."""
    ring = rng.sample(LETTERS, len(LETTERS))
    hops = rng.randint(least, most)
    pointers = dict(zip(ring, ring[1:] + ring[:1], strict=True))
    listed = " ".join(f"{letter.upper()}{pointers[letter]}" for letter in LETTERS)
    return Problem(f"{name} {ring[0]} {hops}: {listed}", ring[hops])


def read_ring(problem: Problem) -> tuple[str, int, dict[str, str]]:
    """The first letter, the number of hops, and where each letter points to."""
    question, listed = problem.prompt.split(": ")
    _, start, hops = question.split()
    return start, int(hops), {pair[0].lower(): pair[1] for pair in listed.split()}


def pose(rng: Random) -> Problem:
    """Poses a problem of four to eight hops."""
    return pose_ring(rng, "follow", 4, 8)


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Walks the pointers twice or three times."""
    start, hops, pointers = read_ring(problem)
    segments: list[Segment] = []

    def walk(number: int) -> str:
        before, here, text = start, start, "" if number == 0 else "again "
        for hop in range(1, hops + 1):
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
