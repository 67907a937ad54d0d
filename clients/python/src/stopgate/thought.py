"""How a model's thought is closed, and how its answer is asked for."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Thought:
    """The texts around a thought. The defaults suit templates that open a `<think>` block in the prompt.

    Attributes:
        end: what the model writes at the end of its thought.
        close: what is written in its place after a stop; the model goes on from there.
        ask: what is written aside to force an answer.
        answer_tokens: most tokens of a forced answer, which also ends with a line.
        extract: takes the answer to compare and to grade out of what the model writes after its thought.
    """

    end: str = "</think>"
    close: str = "\n</think>\n\n"
    ask: str = "\n</think>\n\nFinal answer:"
    answer_tokens: int = 16
    extract: Callable[[str], str] = str.strip
