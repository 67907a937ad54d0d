"""Stops evaluations of the lm-evaluation-harness early: `pip install 'stopgate-client[lm-eval]'`."""

import json
import random
import uuid
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from ._hf import Sampling
from ._rewards import unasked
from .client import Client
from .evaluation import Estimate, Item, estimate, mean_of
from .generation import Context, Generation
from .hf import generate_rows
from .reasoning import ReasoningFormat, Row

__all__ = ["StopgateLM", "evaluate"]


class _Question(NamedTuple):
    task: str
    place: int


class _Key(NamedTuple):
    """An answer that the harness asks for, by its question."""

    question: _Question
    request: int
    repetition: int


class _Answered(NamedTuple):
    """An answer, by its texts behind the reasoning."""

    run: Generation
    full: str | None
    """None: it was stopped."""
    stopped: str | None
    """At its stop, or, in the control arm, at the check that would have stopped it; None: nothing would have."""
    tokens: Item
    """Exact Match is not known yet."""


class StopgateLM(HFLM):  # type: ignore[misc]
    """The harness's model of transformers, whose generations are stopped early. `evaluate` corrects what it measures.

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
        self._context_of = context if callable(context) else lambda _: context
        self.answered: dict[_Key, _Answered] = {}
        self.is_replaying = False
        """Whether `generate_until` repeats answers: in full where they are known in full."""

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Answers requests, as the harness asks."""
        keys = _keys_of(requests)
        if not self.is_replaying:
            self._answer_all(keys, requests)
        known = [self.answered[key] for key in keys]
        if self.is_replaying:
            return [(one.full if one.full is not None else one.stopped) or "" for one in known]
        return [(one.stopped if one.stopped is not None else one.full) or "" for one in known]

    def _answer_all(self, keys: Sequence[_Key], requests: Sequence[Any]) -> None:
        """Answers in a random order of questions, those with the same options at once."""
        answers: dict[_Question, list[tuple[_Key, str, str]]] = {}
        for key, request in zip(keys, requests, strict=True):
            prompt, options = request.args
            answers.setdefault(key.question, []).append((key, prompt, json.dumps(options, sort_keys=True)))
        questions = list(answers.values())
        random.Random(self._seed).shuffle(questions)
        questions.sort(key=lambda its: its[0][2])
        size = self.batch_size if isinstance(self.batch_size, int) else self.max_batch_size
        for options, those in groupby(questions, key=lambda its: its[0][2]):
            asked = [one for its in those for one in its]
            groups = {key.question: uuid.uuid4().hex for key, _, _ in asked}
            runs = [
                self.client.generation(
                    self._context_of(key.question.task), samples=len(answers[key.question]),
                    group=groups[key.question] if len(answers[key.question]) > 1 else None,
                )
                for key, _, _ in asked
            ]  # fmt: skip
            for start in range(0, len(asked), size):
                batch = slice(start, start + size)
                self._answer([(key, prompt) for key, prompt, _ in asked[batch]], runs[batch], json.loads(options))

    def _answer(self, asked: Sequence[tuple[_Key, str]], runs: Sequence[Generation], options: dict[str, Any]) -> None:
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
            self.answered[key] = _Answered(
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


def evaluate(lm: StopgateLM, tasks: Sequence[Any], *, metric: str = "exact_match", **options: Any) -> dict[str, Any]:
    """Evaluates tasks of the harness, stops early, and estimates what an evaluation in full would have measured.

    The harness grades all answers twice: as stopped, and in full as far as they are known in full. Control answers are
    known in both ways, and correct the others. The metric of each task is then the estimate, with its standard error;
    `<metric>_estimate_low`, `<metric>_estimate_high` and `<metric>_stopped` (not corrected) are beside it, and
    `tokens_mean` (in full, as estimated), `tokens_spent_mean` and `tokens_saved_ratio`.

    Args:
        tasks: names or configurations of tasks that generate.
        metric: of each question, from 0 to 1.
        options: of `lm_eval.simple_evaluate`.

    Returns:
        The results of the harness. `samples` has the answers as stopped where they were stopped, otherwise in full.

    Raises:
        ValueError: no answer closed its reasoning, or a task has no such metric.
    """
    lm.answered.clear()
    lm.is_replaying = False
    options = {**options, "log_samples": True}
    if options.get("task_manager") is None:
        options["task_manager"] = TaskManager()  # it reads all tasks of the harness, which takes time
    stopped = simple_evaluate(lm, tasks=tasks, **options)
    if not any(_has_answer(one) for one in lm.answered.values()):
        raise ValueError("no answer closed its reasoning: state how it is closed, by ReasoningFormat(end=...)")
    lm.is_replaying = True
    try:
        full: dict[str, Any] = simple_evaluate(lm, tasks=tasks, **options)
    finally:
        lm.is_replaying = False
    answers: dict[_Question, list[_Answered]] = {}
    for key, one in lm.answered.items():
        answers.setdefault(key.question, []).append(one)
    for task, samples in full["samples"].items():
        levels = {(one["doc_id"], one["filter"]): _level(one, metric, task) for one in stopped["samples"][task]}
        by_filter: dict[str, list[Item]] = {}
        for one in samples:
            place, its = one["doc_id"], answers[_Question(task, one["doc_id"])]
            graded = _level(one, metric, task), levels[place, one["filter"]]
            by_filter.setdefault(one["filter"], []).append(_graded(its, *graded))
            if len(by_filter) == 1 and len(its) == 1 and its[0].run.steps and graded[0] in (0, 1):
                lm.client.label(its[0].run.id, em=graded[0] == 1)
        for name, items in by_filter.items():
            full["results"][task].update(_results(estimate(items), metric, name))
    lm.client.flush(30)
    return full


def _results(one: Estimate, metric: str, filtered: str) -> dict[str, float]:
    """An estimate in the names of the harness's results."""
    figures = {
        metric: one.em,
        f"{metric}_stderr": one.em_stderr,
        f"{metric}_estimate_low": one.em_low,
        f"{metric}_estimate_high": one.em_high,
        f"{metric}_stopped": one.em_stopped,
        "stop_rate": one.stopped / one.n,
        "tokens_mean": one.tokens_mean,
        "tokens_spent_mean": one.tokens_spent_mean,
        "tokens_saved_ratio": one.tokens_saved_ratio,
    }
    return {f"{name},{filtered}": value for name, value in figures.items()}


def _graded(answers: Sequence[_Answered], full: float, stopped: float) -> Item:
    """The answers to a question with their grades, as one item."""
    one = mean_of([its.tokens for its in answers])
    crosses = one.em_stopped is not None
    return one._replace(em=None if one.em is None else full, em_stopped=stopped if crosses else None)


def _level(sample: dict[str, Any], metric: str, task: str) -> float:
    if metric not in sample:
        raise ValueError(f"{task} has no metric {metric} of each question: there are {sample['metrics']}")
    return float(sample[metric])


def _has_answer(one: _Answered) -> bool:
    return bool(one.full or one.stopped)


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


def _keys_of(requests: Sequence[Any]) -> list[_Key]:
    """The harness repeats the same request where it wants several answers."""
    seen: dict[tuple[_Question, int], int] = {}
    keys = []
    for request in requests:
        question = _Question(str(request.task_name), int(request.doc_id))
        repetition = seen.get((question, request.idx), 0)
        seen[question, request.idx] = repetition + 1
        keys.append(_Key(question, request.idx, repetition))
    return keys


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
