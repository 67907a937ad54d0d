"""The lm-evaluation-harness itself, whose generations a real service stops early."""

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from conftest import ROOT, Clock, Service
from stopgate import Client
from stopgate._harness import Asked, Key, Question, _batches
from stopgate.evaluation import estimate
from stopgate.hf import ReasoningFormat, generate
from stopgate.lm_eval import StopgateLM
from stopgate.lm_eval import evaluate as evaluate_by
from test_rollout import stop_treated
from tiny import prompts, tiny_model, tiny_tokenizer

torch.set_num_threads(1)  # the machines that run the tests are small
CLOSE, LIMIT = "\n</think>\n", 40
REASONING = ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2)
QUESTIONS = [f"{one}{other}" for one in "abcdefgh" for other in "klmnopqr"]


@pytest.fixture(autouse=True)
def _without_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the harness from listing the installed packages and the processor, which takes longer than to evaluate."""
    monkeypatch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)


def is_early(doc: "dict[str, str]", results: "list[str]") -> "dict[str, float]":
    """Grades answers of a model that knows nothing. Those of several answers to a question come as a list."""
    said = results[0] if isinstance(results[0], list) else results
    return {"exact_match": sum(one[:1] < "m" for one in said) / len(said)}


def task(folder: Path, **options: Any) -> "dict[str, Any]":
    """A task of the harness."""
    lines = [json.dumps({"question": one, "right": "a"}) for one in QUESTIONS]
    (folder / "questions.jsonl").write_text("\n".join(lines))
    return {
        "task": "letters", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(folder / "questions.jsonl")}},
        "output_type": "generate_until", "test_split": "test", "doc_to_text": "{{question}}", "doc_to_target": "{{right}}",
        "generation_kwargs": {"until": ["zzz"], "do_sample": False, "max_gen_toks": LIMIT}, "process_results": is_early,
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}], **options,
    }  # fmt: skip


def model(client: Client, name: str, **options: Any) -> StopgateLM:
    return StopgateLM(
        tiny_model(), tokenizer=tiny_tokenizer(), client=client, context={"model": "harness", "task": name},
        batch_size=16, reasoning=REASONING, **options,
    )  # fmt: skip


def evaluate(lm: StopgateLM, tasks: "list[Any]", **options: Any) -> Any:
    """Without the harness's own tasks, which take seconds to read."""
    return evaluate_by(lm, tasks, task_manager=TaskManager(include_defaults=False), **options)


def answers_in_full(client: Client) -> "list[tuple[str, int]]":
    """The text and the tokens of each question's answer."""
    runs = [client.generation({"model": "full"}, samples=1) for _ in QUESTIONS]
    inputs = prompts(tiny_tokenizer(), QUESTIONS)
    one, tokenizer = tiny_model(), tiny_tokenizer()
    done = generate(one, tokenizer, inputs, client, runs, max_new_tokens=LIMIT, reasoning=REASONING)
    return [(row.text.lstrip().split("zzz")[0], len(row.tokens)) for row in done]


def test_what_the_harness_measures_is_corrected(service: Service, tmp_path: Path) -> None:
    stop_treated(service, "corrected", "harness")
    with Client(service.url, timeout=30) as client:
        full = answers_in_full(client)
        lm = model(client, "corrected")
        results = evaluate(lm, [task(tmp_path)])
        assert client.counters.rejected == 0
    answered = {key.question.place: one for key, one in lm.answered.items()}
    assert len(answered) == len(QUESTIONS)
    items = []
    for place, one in answered.items():
        assert one.full in (None, full[place][0])
        assert one.full is None or one.tokens.tokens == full[place][1]
        level, stopped = (None if text is None else float(text[:1] < "m") for text in (one.full, one.stopped))
        items.append(one.tokens._replace(em=level, em_stopped=stopped))
    arms = {(one.full is None, one.stopped is None) for one in answered.values()}
    assert arms == {(True, False), (False, False), (False, True)}, "some are stopped, some control, some short"
    said, measured = estimate(items), results["results"]["letters"]
    for name, value in {
        "exact_match": said.em, "exact_match_stderr": said.em_stderr, "exact_match_estimate_low": said.em_low,
        "exact_match_stopped": said.em_stopped, "tokens_mean": said.tokens_mean, "tokens_saved_ratio": said.tokens_saved_ratio,
    }.items():  # fmt: skip
        assert measured[f"{name},none"] == pytest.approx(value)


def test_control_answers_know_what_they_would_have_been(service: Service, tmp_path: Path) -> None:
    stop_treated(service, "twins", "harness")
    seen: dict[int, set[tuple[Any, str]]] = {}
    with Client(service.url, timeout=30) as client:
        for seed in range(4):
            lm = model(client, "twins", seed=seed)
            evaluate(lm, [task(tmp_path)], limit=24)
            for key, one in lm.answered.items():
                if one.stopped is not None:
                    seen.setdefault(key.question.place, set()).add((one.run.arm, one.stopped))
    both = [its for its in seen.values() if {arm for arm, _ in its} == {"control", "treated"}]
    assert both and all(len(its) == 2 for its in both), "the same as in the treated arm"


def test_several_answers_to_a_question_are_one_item(service: Service, tmp_path: Path) -> None:
    stop_treated(service, "several", "harness")
    several = task(tmp_path, repeats=3, filter_list=[{"name": "all", "filter": [{"function": "take_first_k", "k": 3}]}])
    several["generation_kwargs"] = {"until": [], "do_sample": True, "temperature": 1.0, "max_gen_toks": LIMIT}
    with Client(service.url, timeout=30) as client:
        lm = model(client, "several")
        results = evaluate(lm, [several], limit=16)
    assert len(lm.answered) == 48
    groups: dict[int, set[Any]] = {}
    for key, one in lm.answered.items():
        groups.setdefault(key.question.place, set()).add((one.run.group, one.run.arm))
    assert all(len(its) == 1 for its in groups.values())
    assert 0 <= results["results"]["letters"]["exact_match_estimate_low,all"] <= 1


def test_likelihoods_are_those_of_the_harness(service: Service) -> None:
    with Client(service.url, timeout=30) as client:
        ours, theirs = model(client, "likelihood"), StopgateLM.__base__
        assert theirs is not None and ours.loglikelihood.__func__ is theirs.loglikelihood


def test_an_evaluation_in_which_no_reasoning_is_closed_is_refused(service: Service, tmp_path: Path) -> None:
    with Client(service.url, timeout=30) as client:
        lm = model(client, "open")
        lm._reasoning = ReasoningFormat(end="qqqqqqqqq")
        with pytest.raises(ValueError, match="no answer closed its reasoning"):
            evaluate(lm, [task(tmp_path)], limit=4)


def test_a_metric_that_is_missing_is_named_before_anything_is_answered(service: Service, tmp_path: Path) -> None:
    with Client(service.url, timeout=30) as client:
        lm = model(client, "metric")
        with pytest.raises(ValueError, match="no task that generates declares the metric acc"):
            evaluate(lm, [task(tmp_path)], metric="acc", limit=4)
        with pytest.raises(ValueError, match=r"no task has the filter strict: there are .*none"):
            evaluate(lm, [task(tmp_path)], filter="strict", limit=4)
    assert lm.answered == {}


def test_tasks_without_the_metric_keep_their_own_figures(service: Service, tmp_path: Path) -> None:
    choice = task(tmp_path, task="choice", output_type="multiple_choice", doc_to_choice=["a", "b"])
    del choice["process_results"], choice["generation_kwargs"]
    choice["metric_list"] = [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}]
    several = task(tmp_path, task="several", process_results=lambda doc, results: {"exact_match": [1, 0]})
    several["metric_list"] = [{"metric": "exact_match", "aggregation": len, "higher_is_better": True}]
    with Client(service.url, timeout=30) as client:
        results = evaluate(model(client, "mixed"), [task(tmp_path), choice, several], limit=4)["results"]
    assert "exact_match_estimate_low,none" in results["letters"]
    assert 0 <= results["choice"]["acc,none"] <= 1 and "exact_match,none" not in results["choice"]
    assert results["several"]["exact_match,none"] == 4, "its metric is not a number"


def test_answers_that_the_harness_would_cache_are_refused(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(service.url, timeout=30) as client:
        with pytest.raises(ValueError, match="use_cache can't be used"):
            evaluate(model(client, "cached"), [task(tmp_path)], limit=4, use_cache=str(tmp_path / "cache"))
        monkeypatch.setattr("stopgate.lm_eval.simple_evaluate", cached_evaluate)
        with pytest.raises(RuntimeError, match="did not ask for 4 of 4 answers again"):
            evaluate(model(client, "cached"), [task(tmp_path)], limit=4)


def cached_evaluate(lm: StopgateLM, **options: Any) -> Any:
    """The second time it answers by itself, as a cache would."""
    if not lm.is_replaying:
        return simple_evaluate(lm, **options)
    return {"samples": {}, "results": {}}


def test_chosen_questions_are_paired_with_their_answers(service: Service, tmp_path: Path) -> None:
    stop_treated(service, "chosen", "harness")
    places = list(range(63, 20, -2))
    with Client(service.url, timeout=30) as client:
        full = answers_in_full(client)
        lm = model(client, "chosen")
        results = evaluate(lm, [task(tmp_path)], samples={"letters": places})
        with pytest.raises(ValueError, match="chooses a question of letters twice"):
            evaluate(lm, [task(tmp_path)], samples={"letters": [3, 4, 3]})
    items = []
    for key, one in lm.answered.items():
        assert one.full in (None, full[sorted(places)[key.question.place]][0])
        level, stopped = (None if text is None else float(text[:1] < "m") for text in (one.full, one.stopped))
        items.append(one.tokens._replace(em=level, em_stopped=stopped))
    assert len(items) == len(places)
    assert results["results"]["letters"]["exact_match,none"] == pytest.approx(estimate(items).em)


def test_batches_are_of_whole_questions_with_the_same_options_in_random_order() -> None:
    questions = [
        [Asked(Key(Question(name, place), 0, repetition), "?", name) for repetition in range(3)]
        for name in ("first", "second")
        for place in range(40)
    ]
    batches = list(_batches(questions, 16, random.Random(1)))
    assert sorted(one for batch in batches for one in batch) == sorted(questions)
    assert all(len({question[0].options for question in batch}) == 1 for batch in batches)
    assert {len(batch) for batch in batches} == {5}, "fifteen answers, and never a part of a question"
    names = [batch[0][0].options for batch in batches]
    assert names not in (sorted(names), sorted(names, reverse=True)), "tasks are not answered one after the other"
    assert [len(batch) for batch in _batches(questions[:2], 2, random.Random(1))] == [1, 1]


def test_labels_come_from_the_filter_that_is_named(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = [
        {"name": name, "filter": [*steps, {"function": "take_first"}]}
        for name, steps in (
            ("strict", [{"function": "regex", "regex_pattern": "(never)", "fallback": "z"}]),
            ("lenient", [{"function": "regex", "regex_pattern": "(?s)^(.?)", "fallback": "z"}]),
        )
    ]
    service.put("/v1/contexts/model=harness,task=filters/policy", {"check_every_tokens": 8})
    labels: dict[str | None, list[bool]] = {}
    with Client(service.url, timeout=30) as client:
        for name in (None, "lenient"):
            said = labels.setdefault(name, [])
            monkeypatch.setattr(client, "label", lambda _, em, said=said: said.append(em))
            results = evaluate(model(client, "filters"), [task(tmp_path, filter_list=filters)], limit=16, filter=name)
            assert results["results"]["letters"]["exact_match,strict"] == 0
    assert len(labels[None]) == len(labels["lenient"]) > 1
    assert not any(labels[None]) and any(labels["lenient"]), "by default, of the first filter"


def test_labels_that_come_too_late_are_named(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    def is_early_after_a_minute(doc: "dict[str, str]", results: "list[str]") -> "dict[str, float]":
        clock.seconds += 60
        return is_early(doc, results)

    key, slow = "model=harness,task=late", task(tmp_path, process_results=is_early_after_a_minute)
    with Client(service.url, timeout=30) as client:
        service.put(f"/v1/contexts/{key}/policy", {"follow_up_seconds": 480})  # four questions are graded twice
        evaluate(model(client, "late"), [slow], limit=4)
        assert "too late" not in caplog.text
        service.put(f"/v1/contexts/{key}/policy", {"follow_up_seconds": 479})
        evaluate(model(client, "late"), [slow], limit=4)
    assert "too late" in caplog.text


def test_the_example_of_the_page_measures(service: Service, tmp_path: Path) -> None:
    page = (ROOT / "docs/integrate/evaluations.md").read_text()
    code = next(block for block in page.split("```python\n")[1:] if "lm_eval" in block).partition("```")[0]
    names: dict[str, Any] = {}
    exec(code.replace("http://localhost:8080", service.url), names)
    names["StopgateLM"] = partial(StopgateLM, tokenizer=tiny_tokenizer(), reasoning=REASONING)
    manager = TaskManager(include_defaults=False)
    results = names["measure"](tiny_model(), [task(tmp_path)], limit=8, task_manager=manager)
    assert results["results"]["letters"]["stop_rate,none"] == 0, "no threshold is certified"
