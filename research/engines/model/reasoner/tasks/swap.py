"""`swap`: swap the digits of a number. The model is nearly always right.

The answer is known at the end of the first of two or three passes: stopping then is safe, but not inside a number.
"""

from random import Random

from reasoner.tasks.boxed_answer import read_boxed, write_boxed
from reasoner.tasks.dial import pose_turns, think_turns, turned
from reasoner.tasks.task import Problem, Segment, Task


def pose(rng: Random) -> Problem:
    """Poses a problem such as `swap 472: ax bz cy`."""
    return pose_turns(rng, "swap", "xyz")


def think(_: Random, problem: Problem) -> list[Segment]:
    """Swaps without a slip."""
    return think_turns(problem, turned)


TASK = Task("swap", pose, think, write_boxed, read_boxed)
