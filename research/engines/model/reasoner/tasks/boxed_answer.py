r"""The common part of the tasks of `boxed`: answers in \boxed{}, and thoughts that must not be cut in a number."""

import re
from collections.abc import Callable
from random import Random

from reasoner.tasks.task import Segment, repeat_until_agreed

NUMBER = re.compile(r"(\d{2,})")
OPENINGS = ("", "Check.\n", "Once more.\n")


def write_boxed(answer: str) -> str:
    r"""The text behind a thought, which the probe style `boxed` of the proxy opens in the same words."""
    return f"The final answer is \\boxed{{{answer}}}."


def read_boxed(text: str) -> str:
    r"""The content of the last \boxed{} of a text, also of a box that is cut."""
    return text.rpartition("\\boxed{")[2].partition("}")[0].strip() if "\\boxed{" in text else ""


def segments_of(text: str, belief: str | None, to_answer: Callable[[str], str] = str) -> list[Segment]:
    """The text with each of its numbers as a segment that must not be cut."""
    parts = [part for part in NUMBER.split(text) if part]
    return [Segment(part, belief, to_answer if NUMBER.fullmatch(part) else None) for part in parts]


def think_in_passes(
    lines: Callable[[int], tuple[list[str], str]],
    extra_look: bool,
    trusts_results: bool = False,
    to_answer: Callable[[str], str] = str,
) -> list[Segment]:
    """Works in two or three passes, each of which ends with a line that states its result.

    Args:
        lines: the lines of a pass (0, 1 or 2), and its result.
        extra_look: works a third time although the first two results agree.
        trusts_results: believes the result of each pass, right or wrong. Otherwise training asks for the true answer
            wherever results have not agreed yet.
        to_answer: makes an answer of a result.
    """
    segments: list[Segment] = []
    results: list[str] = []

    def work(number: int) -> str:
        text, result = lines(number)
        before, agreed = results[-1:], len(results) > 1 and results[-1] == results[-2]
        trusted = before[0] if before else result
        belief = to_answer(trusted) if trusts_results or agreed else None
        segments.extend(segments_of(OPENINGS[number] + "".join(f"{line}\n" for line in text), belief, to_answer))
        results.append(result)
        segments.extend(segments_of(f"{conclusion(number, before, result)} {result}.\n", belief, to_answer))
        return result

    repeat_until_agreed(work, extra_look)
    return without_last_line_feed(segments, to_answer(results[-1]))


def conclusion(number: int, before: list[str], result: str) -> str:
    """The first words of the line that states a result."""
    if number == 0:
        return "So it is"
    return "Again it is" if before == [result] else "But now it is"


def without_last_line_feed(segments: list[Segment], answer: str) -> list[Segment]:
    """The thought of the segments, answered with `answer`: the line feed at its end belongs to the closing text."""
    last = segments[-1]
    return [*segments[:-1], Segment(last.text.removesuffix("\n"), answer)]


def pose_terms(rng: Random, least: int, most: int) -> tuple[int, list[int]]:
    """A number of three digits and so many single digits to add to it."""
    return rng.randint(100, 899), [rng.randint(1, 9) for _ in range(rng.randint(least, most))]
