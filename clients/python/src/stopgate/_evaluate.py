"""Answers the questions of an evaluation with transformers, and stops early."""

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeVar

from ._hf import Sampling
from ._rewards import report, unasked
from .client import Client
from .evaluation import Estimate, Item, estimate, mean_of
from .generation import Context, Generation
from .hf import generate_rows
from .reasoning import ReasoningFormat, Row

T = TypeVar("T")
IsRight = Callable[[str], bool]
"""Whether an answer to a question is right."""


def is_same(answer: str, reference: str) -> bool:
    """Whether an answer is its reference but for the space around it."""
    return answer.strip() == reference.strip()


@dataclass(frozen=True)
class Questions:
    """The questions of an evaluation, and how they are answered."""

    prompts: Sequence[Any]
    """Chats, as lists of messages, or texts that are complete prompts."""
    references: Sequence[str]
    is_right: Callable[[str, str], bool]
    """Whether an answer is right, given its reference."""
    max_new_tokens: int
    answers: int
    """Answers to each question."""
    batch_size: int
    reasoning: ReasoningFormat
    sampling: Sampling
    template: Mapping[str, Any]
    """Options of the chat template."""

    def __post_init__(self) -> None:
        if not self.prompts or len(self.prompts) != len(self.references):
            raise ValueError(f"{len(self.prompts)} prompts need as many references, and not {len(self.references)}")
        if self.answers < 1 or (self.answers > 1 and self.sampling.is_greedy):
            raise ValueError("several answers to a question need a Sampling with a temperature")

    def is_right_at(self, place: int, answer: str) -> bool:
        """Whether an answer to this question is right."""
        return bool(self.is_right(answer, self.references[place]))


def evaluate(model: Any, tokenizer: Any, client: Client, context: Context, questions: Questions, seed: int) -> Estimate:
    """Answers all questions and reports the answers.

    An answer that is stopped is the one that its last check forced, so that the model writes none after it, and control
    answers know what they would have been.

    Args:
        seed: of the order of the questions, which has to be random: evidence assumes it.
    """
    places = list(range(len(questions.prompts)))
    random.Random(seed).shuffle(places)
    items = []
    for batch in _batches(places, max(1, questions.batch_size // questions.answers)):
        items += _answer(model, tokenizer, client, context, questions, batch)
    return estimate(items)


def _batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _answer(
    model: Any, tokenizer: Any, client: Client, context: Context, questions: Questions, places: Sequence[int]
) -> list[Item]:
    every = [place for place in places for _ in range(questions.answers)]
    graders = [cache(partial(questions.is_right_at, place)) for place in every]
    runs = _runs(client, context, graders, questions.answers)
    inputs = _inputs(tokenizer, [questions.prompts[place] for place in every], questions.template)
    rows = generate_rows(
        model, tokenizer, inputs, client, runs, questions.max_new_tokens, questions.reasoning, questions.sampling,
        closes=False,
    )  # fmt: skip
    client.check(unasked(rows))
    for row in rows:
        report(row, None, row.run.stopped)
    items = [_item(row, is_right) for row, is_right in zip(rows, graders, strict=True)]
    return [mean_of(of_one) for of_one in _batches(items, questions.answers)]


def _runs(client: Client, context: Context, graders: Sequence[IsRight], answers: int) -> list[Generation]:
    """A generation for each answer. Answers to one question share an arm, which each evaluation draws again."""
    groups = [None if answers == 1 else uuid.uuid4().hex for _ in graders[::answers]]
    return [
        client.generation(context, group=groups[place // answers], samples=answers, grade=is_right)
        for place, is_right in enumerate(graders)
    ]


def _inputs(tokenizer: Any, prompts: Sequence[Any], template: Mapping[str, Any]) -> Any:
    if isinstance(prompts[0], str):
        ids = [tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts]
    else:
        ids = tokenizer.apply_chat_template(prompts, add_generation_prompt=True, return_dict=True, **template)[
            "input_ids"
        ]
    return tokenizer.pad({"input_ids": ids}, padding_side="left", return_tensors="pt")


def _item(row: Row, is_right: IsRight) -> Item:
    run, at = row.run, row.run.crossing
    return Item(
        em=None if run.stopped else float(is_right(row.answer)),
        em_stopped=None if at is None else float(is_right(at.answer or "")),
        tokens=len(row.tokens),
        tokens_stopped=None if at is None or run.stopped else at.tokens,
        probe_tokens=sum(step.probe_tokens for step in run.steps) + (run.end_probe.tokens if run.end_probe else 0),
        share=run.control_share,
    )
