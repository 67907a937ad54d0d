"""Training examples: a prompt, a thought and its answer, and branches in which the thought is cut short.

One sequence holds them all. The branches stand behind the main path; each sees only the thought up to its cut and
itself, and its positions continue from the cut, so it equals a sequence of its own at the price of a few tokens.

    main path   <|user|> prompt <|assistant|> <think> thought </think> answer </s>
    branch      </think> answer </s>
"""

from dataclasses import dataclass
from random import Random

from reasoner.models import ModelSpec
from reasoner.tasks import Task, belief_at
from reasoner.tokenizer import encoder

IGNORED = -100
BRANCHES = 8


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


def draw_example(rng: Random, spec: ModelSpec, task: Task) -> Example:
    """A random problem of the task, with its thought cut at random places, one in each eighth of it."""
    code = encoder(spec)
    problem = task.pose(rng)
    segments = task.think(rng, problem)
    text = "".join(segment.text for segment in segments)
    thought, starts, close = code.encode(text), code.starts(text), code.encode(spec.close)

    def answered_at(cut: int) -> list[int]:
        return [*close, *code.encode(task.write(belief_at(rng, segments, cut, problem.answer))), code.end]

    opening = code.encode(f"<|user|>{problem.prompt}<|assistant|><think>{spec.opening}")
    main = [*opening, *thought, *answered_at(len(text))]
    tokens, targets = main[:-1], [IGNORED] * (len(opening) - 1) + main[len(opening) :]
    positions = list(range(len(tokens)))
    sees, branch = [place + 1 for place in positions], [0] * len(tokens)
    for number in range(BRANCHES):
        cut = int((number + rng.random()) / BRANCHES * len(thought))
        answered = answered_at(starts[cut])
        seen, length = len(opening) + cut, len(answered) - 1
        tokens += answered[:-1]
        targets += [IGNORED] * (len(close) - 1) + answered[len(close) :]
        positions += range(seen, seen + length)
        sees += [seen] * length
        branch += [number + 1] * length
    return Example(tokens, positions, targets, sees, branch)
