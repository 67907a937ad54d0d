"""The lm-evaluation-harness's model of transformers, whose generations are stopped early."""

import json
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from lm_eval.models.huggingface import HFLM

from ._hf import Sampling
from ._rewards import unasked
from .client import Client
from .evaluation import Item
from .generation import Context, Generation
from .hf import generate_rows
from .reasoning import ReasoningFormat, Row


class Question(NamedTuple):
    task: str
    place: int


class Key(NamedTuple):
    """An answer that the harness asks for, by its question."""

    question: Question
    request: int
    repetition: int


class Asked(NamedTuple):
    key: Key
    prompt: str
    options: str
    """As JSON."""


class Answered(NamedTuple):
    """An answer, by its texts behind the reasoning."""

    run: Generation
    full: str | None
    """None: it was stopped."""
    stopped: str | None
    """At its stop, or, in the control arm, at the check that would have stopped it; None: nothing would have."""
    tokens: Item
    """Exact Match is not known yet."""


class StopgateLM(HFLM):  # type: ignore[misc]
    """The harness's model of transformers, whose generations are stopped early. `evaluate` corrects its figures.

        lm = StopgateLM("Qwen/Qwen3-8B", client=Client(), context={"model": "qwen3-8b", "task": "eval"})
        results = evaluate(lm, ["gsm8k"], apply_chat_template=True, gen_kwargs={"max_gen_toks": 4096})

    Answers are the texts behind the reasoning, and stop sequences apply to them alone. Likelihoods are as in HFLM.

    Args:
        pretrained, options: as for HFLM.
        client: asks and reports.
        context: of the generations, or a function from the name of a task to its context.
        reasoning: how reasoning is closed and answers are forced.
        seed: of the order of the questions, which has to be random: evidence assumes it.

    Raises:
        ValueError: there are several processes.
    """

    def __init__(
        self,
        pretrained: Any,
        *,
        client: Client,
        context: Context | Callable[[str], Context],
        reasoning: ReasoningFormat | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(pretrained, **options)
        if self.world_size > 1:
            raise ValueError("evaluations are stopped early in one process only")
        self.client, self._reasoning, self._seed = client, reasoning or ReasoningFormat(), seed
        self.context_of = context if callable(context) else lambda _: context
        self.answered: dict[Key, Answered] = {}
        self.is_replaying = False
        """Whether `generate_until` repeats answers: in full where they are known in full."""
        self.replayed: set[Key] = set()

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Answers requests, as the harness asks."""
        keys = _keys_of(requests)
        if not self.is_replaying:
            self._answer_all(keys, requests)
        known = [self.answered[key] for key in keys]
        if self.is_replaying:
            self.replayed.update(keys)
            return [(one.full if one.full is not None else one.stopped) or "" for one in known]
        return [(one.stopped if one.stopped is not None else one.full) or "" for one in known]

    def _answer_all(self, keys: Sequence[Key], requests: Sequence[Any]) -> None:
        """Answers in batches of whole questions, so that all answers to a question share one batch and one arm.

        The answers of a batch have the same options. Batches are in random order, since one context may have several
        tasks with different options, and evidence assumes that its questions come in random order.
        """
        questions: dict[Question, list[Asked]] = {}
        for key, request in zip(keys, requests, strict=True):
            prompt, options = request.args
            asked = Asked(key, prompt, json.dumps(options, sort_keys=True))
            questions.setdefault(key.question, []).append(asked)
        size = self.batch_size if isinstance(self.batch_size, int) else self.max_batch_size
        for batch in _batches(list(questions.values()), size, random.Random(self._seed)):
            runs = []
            for question in batch:
                group = uuid.uuid4().hex if len(question) > 1 else None
                context = self.context_of(question[0].key.question.task)
                runs += [self.client.generation(context, samples=len(question), group=group) for _ in question]
            every = [one for question in batch for one in question]
            for start in range(0, len(every), size):  # more than one pass only for a question larger than a batch
                part = slice(start, start + size)
                asked_now = [(one.key, one.prompt) for one in every[part]]
                self._answer(asked_now, runs[part], json.loads(every[0].options))

    def _answer(self, asked: Sequence[tuple[Key, str]], runs: Sequence[Generation], options: dict[str, Any]) -> None:
        """Answers a batch."""
        until = options.get("until") or []
        limit = int(options.get("max_gen_toks") or options.get("max_new_tokens") or self.max_gen_toks)
        sampling = _sampling(options)
        ids, mask = self.tok_batch_encode(
            [prompt for _, prompt in asked], left_truncate_len=self.max_length - limit, truncation=self.truncation
        )
        rows = generate_rows(
            self.model, self.tokenizer, {"input_ids": ids, "attention_mask": mask}, self.client, runs, limit,
            self._reasoning, sampling,
        )  # fmt: skip
        self.client.check(unasked(rows))
        prompts = [its[kept.bool()].tolist() for its, kept in zip(ids, mask, strict=True)]
        closed = self._as_stopped(rows, prompts, limit, sampling)
        for place, ((key, _), row) in enumerate(zip(asked, rows, strict=True)):
            text = _cut(row.finish().text, until)
            at_stop = None if place not in closed else _cut(self.tok_decode(closed[place]), until)
            stopped = row.run.stopped
            self.answered[key] = Answered(
                row.run, None if stopped else text, text if stopped else at_stop, _item(row, closed.get(place))
            )

    def _as_stopped(
        self, rows: Sequence[Row], prompts: Sequence[list[int]], limit: int, sampling: Sampling
    ) -> dict[int, list[int]]:
        """The tokens of the answers that control rows would have had if they had been stopped, by place."""
        places = [place for place, row in enumerate(rows) if row.run.crossing is not None and not row.run.stopped]
        if not places:
            return {}
        before = {place: _until_stop(rows[place]) for place in places}
        padded = self.tokenizer.pad(
            {"input_ids": [prompts[place] + before[place] for place in places]},
            padding_side="left",
            return_tensors="pt",
        )
        runs = [self.client.generation(rows[place].run.context) for place in places]  # these never ask
        left = limit - min(map(len, before.values()))
        answers = generate_rows(
            self.model, self.tokenizer, padded, self.client, runs, max(1, left), self._reasoning, sampling,
            asks=[False] * len(runs),
        )  # fmt: skip
        return {
            place: row.tokens[: max(0, limit - len(before[place]))] for place, row in zip(places, answers, strict=True)
        }


def _item(row: Row, at_stop: "list[int] | None") -> Item:
    """The tokens of a row; what Exact Match is unknown of is None. Control pays for its second answer, too."""
    stopped = None if at_stop is None else float(len(_until_stop(row)) + len(at_stop))
    probes = sum(step.probe_tokens for step in row.run.steps) + (row.run.end_probe.tokens if row.run.end_probe else 0)
    return Item(
        em=None if row.run.stopped else 0.0,
        em_stopped=None if row.run.crossing is None else 0.0,
        tokens=len(row.tokens),
        tokens_stopped=stopped,
        probe_tokens=probes + (0 if at_stop is None else len(at_stop)),
        share=row.run.control_share,
    )


def _until_stop(row: Row) -> list[int]:
    """The tokens of a control row up to the check that would have stopped it, with its reasoning closed."""
    crossing = row.run.crossing
    assert crossing is not None
    return [*row.tokens[: crossing.tokens], *row.closing]


def _keys_of(requests: Sequence[Any]) -> list[Key]:
    """The harness repeats the same request where it wants several answers."""
    seen: dict[tuple[Question, int], int] = {}
    keys = []
    for request in requests:
        question = Question(str(request.task_name), int(request.doc_id))
        repetition = seen.get((question, request.idx), 0)
        seen[question, request.idx] = repetition + 1
        keys.append(Key(question, request.idx, repetition))
    return keys


def _batches(questions: Sequence[list[Asked]], size: int, draws: random.Random) -> Iterator[list[list[Asked]]]:
    """Batches, in random order, of random questions with the same options. No batch has more answers than `size`,
    except one of a single question."""
    by_options: dict[str, list[list[list[Asked]]]] = {}
    for question in draws.sample(questions, len(questions)):
        batches = by_options.setdefault(question[0].options, [[]])
        if batches[-1] and sum(map(len, batches[-1])) + len(question) > size:
            batches.append([])
        batches[-1].append(question)
    every = [batch for batches in by_options.values() for batch in batches]
    draws.shuffle(every)
    yield from every


def _cut(text: str, until: "str | Sequence[str]") -> str:
    """A text before the first stop sequence."""
    text = text.lstrip()
    for end in [until] if isinstance(until, str) else until:
        text = text.split(end)[0] if end else text
    return text


def _sampling(options: dict[str, Any]) -> Sampling:
    """How a task wants tokens to be chosen."""
    temperature = options.get("temperature") or 0.0
    if not options.get("do_sample", temperature > 0) or temperature == 0:
        return Sampling()
    return Sampling(temperature, options.get("top_k"), options.get("top_p"))
