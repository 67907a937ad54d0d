"""Stops evaluations of the lm-evaluation-harness early: `pip install 'stopgate-client[lm-eval]'`."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from . import _clock
from ._harness import Answered, Question, StopgateLM
from ._http import Connections
from ._telemetry import logger
from .client import Client
from .errors import CallFailed
from .evaluation import Estimate, Item, estimate, mean_of
from .generation import Context

__all__ = ["StopgateLM", "evaluate"]

_DEFAULT_FOLLOW_UP_SECONDS = 1800.0
_POLICY_SECONDS = 5.0
_ESCAPES = str.maketrans({one: quote(one) for one in "%,=*"})
"""Of characters that are not themselves in the key of a context."""


def evaluate(
    lm: StopgateLM, tasks: Sequence[Any], *, metric: str = "exact_match", filter: str | None = None, **options: Any
) -> dict[str, Any]:
    """Evaluates tasks of the harness, stops early, and estimates what an evaluation in full would have measured.

    The harness grades all answers twice: as stopped, and in full as far as they are known in full. Control answers are
    known in both ways, and correct the others. The metric of each task is then the estimate, with its standard error;
    `<metric>_estimate_low`, `<metric>_estimate_high` and `<metric>_stopped` (not corrected) are beside it, and
    `tokens_mean` (in full, as estimated), `tokens_spent_mean` and `tokens_saved_ratio`.

    Figures of tasks that do not generate, and those without this metric, remain as the harness computes them.

    Args:
        tasks: names or configurations of tasks, of which at least one generates and declares the metric.
        metric: of each question, from 0 to 1.
        filter: the filter of the harness whose grades are the labels of the answers; None, or in a task without it: the
            first filter of the task, such as `strict-match` of gsm8k. Each filter has its own estimate.
        options: of `lm_eval.simple_evaluate`.

    Returns:
        The results of the harness. `samples` has the answers as stopped where they were stopped, otherwise in full.

    Raises:
        ValueError: `use_cache` is set, a question is chosen twice by `samples`, no task that generates declares the
            metric, no task has the filter, or no answer closed its reasoning.
        RuntimeError: the harness did not ask for all answers again, so that they can't be corrected.
    """
    if options.get("use_cache") is not None:
        raise ValueError("use_cache can't be used: the harness would grade its cached answers as if they were in full")
    chosen: Mapping[str, list[int]] = options.get("samples") or {}
    for task, places in chosen.items():
        if len(set(places)) < len(places):
            raise ValueError(f"samples chooses a question of {task} twice")
    lm.answered.clear()
    lm.replayed.clear()
    lm.is_replaying = False
    options = {**options, "log_samples": True}
    if options.get("task_manager") is None:
        options["task_manager"] = TaskManager()  # it reads all tasks of the harness, which takes time
    labelled_by = _filters_of(options["task_manager"].load(list(tasks))["tasks"], metric, filter)
    began = _clock.now()
    stopped = simple_evaluate(lm, tasks=list(tasks), **options)
    if not any(_has_answer(one) for one in lm.answered.values()):
        raise ValueError("no answer closed its reasoning: state how it is closed, by ReasoningFormat(end=...)")
    lm.is_replaying = True
    try:
        full: dict[str, Any] = simple_evaluate(lm, tasks=list(tasks), **options)
    finally:
        lm.is_replaying = False
    if missing := len(lm.answered.keys() - lm.replayed):
        raise RuntimeError(f"the harness did not ask for {missing} of {len(lm.answered)} answers again")
    answers: dict[Question, list[Answered]] = {}
    for key, one in lm.answered.items():
        answers.setdefault(key.question, []).append(one)
    labels = 0
    for task, label_filter in labelled_by.items():
        labels += _correct(lm, full, stopped["samples"][task], answers, (task, metric, label_filter), chosen.get(task))
    lm.client.flush(30)
    if labels:
        _warn_if_late(lm, list(labelled_by), _clock.now() - began)
    return full


def _filters_of(tasks: Mapping[str, Any], metric: str, filter: str | None) -> dict[str, str]:
    """The filter that labels, of each task that can be corrected.

    Raises:
        ValueError: there is no such task, or none has the filter.
    """
    generating = {name: task for name, task in tasks.items() if task.OUTPUT_TYPE == "generate_until"}
    corrected = {name: task for name, task in generating.items() if metric in task.aggregation()}
    if not corrected:
        found = {name: sorted(task.aggregation()) for name, task in generating.items()}
        raise ValueError(f"no task that generates declares the metric {metric}: there are {found}")
    for name in generating.keys() - corrected.keys():
        logger.warning("%s is not corrected, since it does not declare the metric %s", name, metric)
    names = {name: [one.name for one in task._filters] for name, task in corrected.items()}
    if filter is not None and not any(filter in its for its in names.values()):
        raise ValueError(f"no task has the filter {filter}: there are {names}")
    return {name: filter if filter is not None and filter in its else its[0] for name, its in names.items()}


def _correct(
    lm: StopgateLM, full: dict[str, Any], stopped: Sequence[dict[str, Any]],
    answers: Mapping[Question, Sequence[Answered]], names: tuple[str, str, str], chosen: "Sequence[int] | None",
) -> int:  # fmt: skip
    """Puts the estimates of a task into its results, and reports its labels. Returns how many.

    Args:
        names: of the task, the metric, and the filter that labels.
        chosen: the places of its questions, by the places in which the harness asked them; None: these are the same.
    """
    task, metric, label_filter = names
    samples = full["samples"][task]
    if not all(_has_level(one, metric) for one in (*samples, *stopped)):
        logger.warning("%s is not corrected, since not each question has a number from 0 to 1 as %s", task, metric)
        return 0
    levels = {(one["doc_id"], one["filter"]): float(one[metric]) for one in stopped}
    by_filter: dict[str, list[Item]] = {}
    labels = 0
    for one in samples:
        place = one["doc_id"] if not chosen else chosen.index(one["doc_id"])
        its, level = answers[Question(task, place)], float(one[metric])
        by_filter.setdefault(one["filter"], []).append(_graded(its, level, levels[one["doc_id"], one["filter"]]))
        if one["filter"] == label_filter and len(its) == 1 and its[0].run.steps and level in (0, 1):
            lm.client.label(its[0].run.id, em=level == 1)
            labels += 1
    for name, items in by_filter.items():
        full["results"][task].update(_results(estimate(items), metric, name))
    return labels


def _warn_if_late(lm: StopgateLM, tasks: Sequence[str], seconds: float) -> None:
    """Labels come after the last answer, so that those of the first answers may come after their follow-up."""
    contexts = {tuple(lm.context_of(task).items()) for task in tasks}
    for context in contexts:
        follow_up = _follow_up_of(lm.client, dict(context))
        if seconds > follow_up:
            logger.warning(
                "the evaluation took %.0f seconds: unless follow_up_seconds of %s (%g) exceeds that, labels of its "
                "first answers come too late to count", seconds, dict(context), follow_up,
            )  # fmt: skip


def _follow_up_of(client: Client, context: Context) -> float:
    """`follow_up_seconds` of a context; the default where it can't be read."""
    key = ",".join(f"{level}={value.translate(_ESCAPES)}" for level, value in context.items())
    connections = Connections(client.endpoint)
    try:
        reply = connections.call("GET", f"/v1/contexts/{quote(key, safe='')}/policy", timeout=_POLICY_SECONDS)
        return float(reply.json()["effective"]["follow_up_seconds"])
    except CallFailed:
        return _DEFAULT_FOLLOW_UP_SECONDS


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


def _graded(answers: Sequence[Answered], full: float, stopped: float) -> Item:
    """The answers to a question with their grades, as one item."""
    one = mean_of([its.tokens for its in answers])
    crosses = one.em_stopped is not None
    return one._replace(em=None if one.em is None else full, em_stopped=stopped if crosses else None)


def _has_level(sample: Mapping[str, Any], metric: str) -> bool:
    level = sample.get(metric)
    return isinstance(level, int | float) and 0 <= level <= 1


def _has_answer(one: Answered) -> bool:
    return bool(one.full or one.stopped)
