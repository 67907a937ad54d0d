"""What every task has in common."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Problem:
    """One question: what the user writes, and the true answer (one character, one token)."""

    prompt: str
    answer: str


@dataclass(frozen=True)
class Segment:
    """A piece of a thought.

    `belief` is the answer that training asks for when the thought is cut inside the segment. None stands for the
    true answer, whether or not it can be known yet, which teaches calibrated confidence. A fixed belief teaches
    the model to trust a result. That of the last segment is also the answer to the whole thought.
    """

    text: str
    belief: str | None = None


@dataclass(frozen=True)
class Task:
    """A source of problems and of the thoughts that the model is to imitate."""

    name: str
    pose: Callable[[Random], Problem]
    think: Callable[[Random, Problem], list[Segment]]


def repeat_until_agreed(attempt: Callable[[int], str], extra_look: bool) -> list[str]:
    """The results of one attempt after another until two agree, of three at most.

    `extra_look` asks for a third attempt although the first two agree.
    """
    results = [attempt(0), attempt(1)]
    if results[0] != results[1] or extra_look:
        results.append(attempt(2))
    return results
