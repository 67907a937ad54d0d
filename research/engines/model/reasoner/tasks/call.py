"""`call`: the answer is a tool call in the chat format of Hermes, with a total that is worked out first."""

import json
from random import Random

from reasoner.tasks.boxed_answer import pose_terms, think_in_passes
from reasoner.tasks.task import Problem, Segment, Task

LABELS = "abcd"
ROOMS = ("hall", "bath", "attic", "kitchen")
TOOLS = ("light", "heat")


def tool_call(tool: str, room: str, level: str) -> str:
    """The call as JSON, in the order and with the spaces in which the model writes it. A level is not padded."""
    return json.dumps({"name": f"set_{tool}", "arguments": {"room": room, "level": int(level)}})


def write_call(answer: str) -> str:
    """The text behind a thought."""
    return f"<tool_call>\n{answer}\n</tool_call>"


def read_call(text: str) -> str:
    """The JSON of the first tool call in a text, also of a call that is cut."""
    return text.partition("<tool_call>")[2].partition("</tool_call>")[0].strip()


def pose(rng: Random) -> Problem:
    """Poses a problem such as `heat hall 437: a8 b5 c2` (three or four digits)."""
    tool, room = rng.choice(TOOLS), rng.choice(ROOMS)
    start, digits = pose_terms(rng, 3, len(LABELS))
    listed = " ".join(f"{label}{digit}" for label, digit in zip(LABELS, digits, strict=False))
    return Problem(f"{tool} {room} {start}: {listed}", tool_call(tool, room, str(start + sum(digits))))


def think(_: Random, problem: Problem) -> list[Segment]:
    """Adds twice."""
    question, listed = problem.prompt.split(": ")
    tool, room, start = question.split()

    def add(_: int) -> tuple[list[str], str]:
        total, lines = int(start), []
        for term in listed.split():
            label, digit = term[0], term[1]
            lines.append(f"{label} {total}+{digit}={total + int(digit)}")
            total += int(digit)
        return lines, str(total)

    return think_in_passes(add, False, to_answer=lambda level: tool_call(tool, room, level))


TASK = Task("call", pose, think, write_call, read_call)
