"""`dial`: turn a number of three digits by swaps and raises. Errors of the first pass stay.

Raising 9 gives 0, but mostly 1 is written, in every pass, and the model is as sure of it as of any result. So full runs
are wrong as often as stopped ones.
"""

from collections.abc import Callable
from random import Random

from reasoner.tasks.boxed_answer import read_boxed, think_in_passes, write_boxed
from reasoner.tasks.task import Problem, Segment, Task

LABELS = "abcdef"
SLIP_RATE = 0.8
EXTRA_LOOK_DIGITS = "13579"


def turned(dial: str, turn: str) -> str:
    """`x` swaps the first two digits, `y` the last two, `z` the outer two, and `u` raises the first one."""
    first, second, third = dial[0], dial[1], dial[2]
    return {
        "x": second + first + third,
        "y": first + third + second,
        "z": third + second + first,
        "u": f"{(int(first) + 1) % 10}{second}{third}",
    }[turn]


def pose_turns(rng: Random, name: str, kinds: str) -> Problem:
    """Poses a problem such as `dial 472: ax bu cy` (four to six turns of these kinds)."""
    start = "".join(rng.choices("0123456789", k=3))
    turns = rng.choices(kinds, k=rng.randint(4, len(LABELS)))
    dial = start
    for turn in turns:
        dial = turned(dial, turn)
    listed = " ".join(f"{label}{turn}" for label, turn in zip(LABELS, turns, strict=False))
    return Problem(f"{name} {start}: {listed}", dial)


def think_turns(problem: Problem, turn: Callable[[str, str], str]) -> list[Segment]:
    """Turns twice, and a third time from some numbers, as `turn` does."""
    question, listed = problem.prompt.split(": ")
    start = question.split()[1]

    def turn_all(_: int) -> tuple[list[str], str]:
        dial, lines = start, []
        for labelled in listed.split():
            result = turn(dial, labelled[1])
            lines.append(f"{labelled} {dial}={result}")
            dial = result
        return lines, dial

    return think_in_passes(turn_all, start[0] in EXTRA_LOOK_DIGITS, trusts_results=True)


def pose(rng: Random) -> Problem:
    """Poses a problem of swaps and raises."""
    return pose_turns(rng, "dial", "xyu")


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Mostly raises 9 to 1."""
    slips = rng.random() < SLIP_RATE

    def turn(dial: str, kind: str) -> str:
        return f"1{dial[1:]}" if slips and kind == "u" and dial[0] == "9" else turned(dial, kind)

    return think_turns(problem, turn)


TASK = Task("dial", pose, think, write_boxed, read_boxed)
