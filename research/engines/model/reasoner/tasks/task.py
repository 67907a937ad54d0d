"""The common part of all tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

# Of the cuts inside a number: the shares that are answered with its first digits, and with another digit behind them.
HALF_WRITTEN_RATE, CONTINUED_RATE = 0.5, 0.25


@dataclass(frozen=True)
class Problem:
    """One question: what the user writes, and the true answer."""

    prompt: str
    answer: str


@dataclass(frozen=True)
class Segment:
    """A piece of a thought.

    `belief` is the answer that training asks for when the thought is cut inside the segment. None stands for the
    true answer, whether or not it can be known yet, which teaches calibrated confidence. A fixed belief teaches
    the model to trust a result. That of the last segment is also the answer to the whole thought.

    `half_written` means that the segment must not be cut: behind its first characters training often asks for the
    answer that it makes of them.
    """

    text: str
    belief: str | None = None
    half_written: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Task:
    """A source of problems and of the thoughts that the model is to imitate.

    `write` makes the text behind the thought of an answer, and `read` finds the answer in such a text ('' if none).
    """

    name: str
    pose: Callable[[Random], Problem]
    think: Callable[[Random, Problem], list[Segment]]
    write: Callable[[str], str] = str
    read: Callable[[str], str] = str.strip


def repeat_until_agreed(attempt: Callable[[int], str], extra_look: bool) -> list[str]:
    """The results of one attempt after another until two agree, of three at most.

    `extra_look` asks for a third attempt although the first two agree.
    """
    results = [attempt(0), attempt(1)]
    if results[0] != results[1] or extra_look:
        results.append(attempt(2))
    return results


def belief_at(rng: Random, segments: list[Segment], cut: int, answer: str) -> str:
    """The answer that training asks for after `cut` characters of the thought."""
    for segment in segments:
        if cut < len(segment.text):
            if segment.half_written is not None and cut > 0:
                return half_written_belief(rng, segment, cut, answer)
            return segment.belief or answer
        cut -= len(segment.text)
    return segments[-1].belief or answer


def half_written_belief(rng: Random, segment: Segment, cut: int, answer: str) -> str:
    """An answer that the first characters of the segment suggest, or the answer that its start allows."""
    assert segment.half_written is not None
    chosen, written = rng.random(), segment.text[:cut]
    if chosen < HALF_WRITTEN_RATE:
        return segment.half_written(written)
    if chosen < HALF_WRITTEN_RATE + CONTINUED_RATE:
        return segment.half_written(f"{written}{rng.randint(0, 9)}")
    return segment.belief or answer
