"""The lm-evaluation-harness itself, whose generations a real service stops early."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.tasks import TaskManager

from conftest import ROOT, Service
from stopgate import Client
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


def test_a_metric_that_is_missing_is_named(service: Service, tmp_path: Path) -> None:
    with Client(service.url, timeout=30) as client, pytest.raises(ValueError, match="no metric acc of each question"):
        evaluate(model(client, "metric"), [task(tmp_path)], metric="acc", limit=4)


def test_the_example_of_the_page_measures(service: Service, tmp_path: Path) -> None:
    page = (ROOT / "docs/integrate/evaluations.md").read_text()
    code = next(block for block in page.split("```python\n")[1:] if "lm_eval" in block).partition("```")[0]
    names: dict[str, Any] = {}
    exec(code.replace("http://localhost:8080", service.url), names)
    names["StopgateLM"] = partial(StopgateLM, tokenizer=tiny_tokenizer(), reasoning=REASONING)
    manager = TaskManager(include_defaults=False)
    results = names["measure"](tiny_model(), [task(tmp_path)], limit=8, task_manager=manager)
    assert results["results"]["letters"]["stop_rate,none"] == 0, "no threshold is certified"
