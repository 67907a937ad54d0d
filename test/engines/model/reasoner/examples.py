"""Training examples: a prompt, a thought and its answer, and branches in which the thought is cut short.

One sequence holds them all. The branches stand behind the main path; each sees only the thought up to its cut and
itself, and its positions continue from the cut, so it equals a sequence of its own at the price of two tokens.

    main path   <|user|> prompt <|assistant|> <think> thought </think> answer </s>
    branch      </think> answer </s>
"""

from dataclasses import dataclass
from random import Random

from reasoner.tasks import Segment, Task
from reasoner.tokenizer import ASSISTANT, CHARACTERS, END, END_THINK, THINK, USER, vocabulary

IGNORED = -100
BRANCHES = 8

_IDS = {token: number for number, token in enumerate(vocabulary())}
_CHARACTER_IDS = {character: len(_IDS) - len(CHARACTERS) + number for number, character in enumerate(CHARACTERS)}


@dataclass(frozen=True)
class Example:
    """One sequence, each list as long as the sequence.

    `tokens` and `positions` are the inputs, `targets` the token to predict at each place (or IGNORED). A place sees
    the first `sees` tokens and those of its own `branch` (0: the main path) up to itself.
    """

    tokens: list[int]
    positions: list[int]
    targets: list[int]
    sees: list[int]
    branch: list[int]


def encode(text: str) -> list[int]:
    """The token ids of plain text."""
    return [_CHARACTER_IDS[character] for character in text]


def belief_at(segments: list[Segment], cut: int, answer: str) -> str:
    """The answer that training asks for after `cut` characters of the thought."""
    for segment in segments:
        if cut < len(segment.text):
            return segment.belief or answer
        cut -= len(segment.text)
    return segments[-1].belief or answer


def draw_example(rng: Random, task: Task) -> Example:
    """A random problem of the task, with its thought cut at random places, one in each eighth of it."""
    problem = task.pose(rng)
    segments = task.think(rng, problem)
    thought = encode("".join(segment.text for segment in segments))
    opening = [_IDS[USER], *encode(problem.prompt), _IDS[ASSISTANT], _IDS[THINK]]
    closing = [_IDS[END_THINK], *encode(belief_at(segments, len(thought), problem.answer)), _IDS[END]]
    main = [*opening, *thought, *closing]
    tokens, targets = main[:-1], [IGNORED] * (len(opening) - 1) + main[len(opening) :]
    positions = list(range(len(tokens)))
    sees, branch = [place + 1 for place in positions], [0] * len(tokens)
    for number in range(BRANCHES):
        cut = int((number + rng.random()) / BRANCHES * len(thought))
        belief = encode(belief_at(segments, cut, problem.answer))
        seen = len(opening) + cut
        tokens += [_IDS[END_THINK], *belief]
        targets += [*belief, _IDS[END]]
        positions += [seen, seen + 1]
        sees += [seen, seen]
        branch += [number + 1] * 2
    return Example(tokens, positions, targets, sees, branch)
