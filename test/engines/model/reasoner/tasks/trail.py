"""`trail`: `follow` in many words, for measurements of time, in which the short thoughts of the others mislead.

The answer is known as soon as the first walk ends; the second only confirms it.
"""

from random import Random

from reasoner.tasks.follow import LETTERS
from reasoner.tasks.task import Problem, Segment, Task, repeat_until_agreed


def pose(rng: Random) -> Problem:
    """Poses a problem such as `trail c 6: Ad Bf ...` (a leads to d; one ring of ten letters, six to nine hops)."""
    ring = rng.sample(LETTERS, len(LETTERS))
    hops = rng.randint(6, 9)
    pointers = dict(zip(ring, ring[1:] + ring[:1], strict=True))
    listed = " ".join(f"{letter.upper()}{pointers[letter]}" for letter in LETTERS)
    return Problem(f"trail {ring[0]} {hops}: {listed}", ring[hops])


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Walks the pointers twice."""
    question, listed = problem.prompt.split(": ")
    _, start, hops = question.split()
    pointers = {pair[0].lower(): pair[1] for pair in listed.split()}
    segments: list[Segment] = []

    def walk(number: int) -> str:
        here, text = start, "" if number == 0 else "once more. "
        for hop in range(1, int(hops) + 1):
            there = pointers[here]
            text += f"step {hop}: {here.upper()}{there}, so now we are at {there}. "
            here = there
        segments.append(Segment(f"{text}so {here}\n"))
        return here

    repeat_until_agreed(walk, False)
    return segments


TASK = Task("trail", pose, think)
