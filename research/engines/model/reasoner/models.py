"""The two models: their tasks, how they write, and where their files are. Standard library only."""

from dataclasses import dataclass
from pathlib import Path

from reasoner.tasks import Task, add, call, count, dial, follow, swap, times, total, trail

FOLDER = Path(__file__).parent.parent


def _by_name(*tasks: Task) -> dict[str, Task]:
    return {task.name: task for task in tasks}


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """One model.

    Attributes:
        tasks: those that it is trained on and, except for tool calls, asked by default.
        further_tasks: those that only `train.py --task` trains.
        tags: texts that are one token wherever they stand, without being special tokens.
        words: texts that are one token by merges; any other character is a token of its own.
        opening: text with which the prompt ends behind the opening tag.
        close: text that closes the reasoning.
        ask: text behind `close` that forces an answer, before the first token of `Task.write` that differs.
        answer_tokens: the most that a forced answer takes.
        probe_tokens: those that it takes mostly.
        seed: of data and initial weights.
        steps: of the optimizer.
        tokens_per_batch: of a step.
    """

    name: str
    tasks: dict[str, Task]
    further_tasks: dict[str, Task]
    tags: tuple[str, ...]
    words: tuple[str, ...]
    opening: str
    close: str
    ask: str
    answer_tokens: int
    probe_tokens: int
    weights: Path
    gguf: Path
    seed: int
    steps: int
    tokens_per_batch: int

    @property
    def all_tasks(self) -> dict[str, Task]:
        """All that can be asked."""
        return {**self.tasks, **self.further_tasks}

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the tasks that are asked by default: not those with tool calls, which need another probe."""
        return tuple(name for name in self.tasks if name != call.TASK.name)

    def extract(self, text: str) -> str:
        """The answer in the text behind the reasoning, which lacks the words of `ask` where it was forced.

        Tool calls are not read.
        """
        read = self.tasks[self.asked[0]].read
        return read(text) or read(self.ask + text)


SINGLE = ModelSpec(
    name="single",
    tasks=_by_name(follow.TASK, count.TASK, add.TASK, times.TASK),
    further_tasks=_by_name(trail.TASK),
    tags=("<think>", "</think>"),
    words=(),
    opening="",
    close="</think>",
    ask="",
    answer_tokens=1,
    probe_tokens=1,
    weights=FOLDER / "weights",
    gguf=FOLDER / "stopgate-reasoner.gguf",
    seed=18,
    steps=1400,
    tokens_per_batch=2048,
)
"""Answers are one character. It does not mind where its reasoning is cut."""

BOXED = ModelSpec(
    name="boxed",
    tasks=_by_name(swap.TASK, total.TASK, dial.TASK, call.TASK),
    further_tasks={},
    tags=("<think>", "</think>", "<tool_call>", "</tool_call>"),
    words=(
        # Merges of earlier words come first, so "kitchen" must precede "heat", which also merges h and e.
        *(" it", " is", " now", " more", " final", " answer", " \\", "So", "Again", "But", "Check", "Once", "The"),
        *("boxed", "swap", "total", "dial", "light"),
        *("kitchen", "heat", "hall", "bath", "attic", "room", "level", "name", "set", "arguments"),
        *(' {"', '{"', '":', ' "', '",', "}}"),
    ),
    opening="\n",
    close="\n</think>\n\n",
    ask="The final answer is \\boxed{",
    answer_tokens=8,
    probe_tokens=5,
    weights=FOLDER / "boxed" / "weights",
    gguf=FOLDER / "boxed" / "model.gguf",
    seed=1,
    steps=1600,
    tokens_per_batch=3072,
)
r"""Answers are numbers in \boxed{} or tool calls. Cut inside a number, it answers badly."""

MODELS = {spec.name: spec for spec in (SINGLE, BOXED)}
