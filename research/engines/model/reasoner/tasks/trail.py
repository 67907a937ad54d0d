"""`trail`: `follow` in many words, for measurements of time, in which the short thoughts of the others mislead.

The answer is known as soon as the first walk ends; the second only confirms it.
"""

from random import Random

from reasoner.tasks.follow import pose_ring, read_ring
from reasoner.tasks.task import Problem, Segment, Task, repeat_until_agreed


def pose(rng: Random) -> Problem:
    """Poses a problem of six to nine hops."""
    return pose_ring(rng, "trail", 6, 9)


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Walks the pointers twice."""
    start, hops, pointers = read_ring(problem)
    segments: list[Segment] = []

    def walk(number: int) -> str:
        here, text = start, "" if number == 0 else "once more. "
        for hop in range(1, hops + 1):
            there = pointers[here]
            text += f"step {hop}: {here.upper()}{there}, so now we are at {there}. "
            here = there
        segments.append(Segment(f"{text}so {here}\n"))
        return here

    repeat_until_agreed(walk, False)
    return segments


TASK = Task("trail", pose, think)
