"""A real Trainer whose evaluations a real service stops early."""

import random
from dataclasses import replace
from math import isnan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import Trainer, TrainingArguments

from conftest import ROOT, Service
from stopgate import Client
from stopgate._hf import Sampling
from stopgate.evaluation import Estimate, Item, estimate
from stopgate.hf import ReasoningFormat, generate
from stopgate.training import StopgateCallback, StopgateEvaluation
from test_rollout import stop_treated
from test_training import OPTIONS
from tiny import prompts, tiny_model, tiny_tokenizer

torch.set_num_threads(1)  # the machines that run the tests are small
CLOSE, LIMIT = "\n</think>\n", 40
REASONING = ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2)
QUESTIONS = [f"{one}{other}" for one in "abcdefghij" for other in "klmnopqrst"]


def is_early(answer: str, reference: str) -> bool:
    """Grades answers of a model that knows nothing."""
    return answer[:1] < "m"


def evaluated(folder: Path, url: str, task: str, **options: Any) -> Any:
    """A Trainer that learns nothing, and evaluates at each of two steps."""
    rows = Dataset.from_list([{"input_ids": [4, 5, 6, 7], "labels": [4, 5, 6, 7]}] * 4)
    arguments = TrainingArguments(output_dir=str(folder), **{**OPTIONS, "max_steps": 2, "learning_rate": 0.0})
    trainer = Trainer(
        model=tiny_model(), args=arguments, train_dataset=rows, eval_dataset=options.pop("sets", rows),
        processing_class=tiny_tokenizer(),
    )  # fmt: skip
    given = {
        "prompts": QUESTIONS, "references": QUESTIONS, "is_right": is_early, "reasoning": REASONING, "batch_size": 40,
        "max_new_tokens": LIMIT, "url": url, "decision_timeout": 30, **options,
    }  # fmt: skip
    trainer.add_callback(StopgateEvaluation(trainer, task, context={"model": "evaluated", "task": task}, **given))
    return trainer


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[list[Item]]:
    """The items of each evaluation."""
    lists: list[list[Item]] = []

    def recorded(items: list[Item]) -> Estimate:
        lists.append(items)
        return estimate(items)

    monkeypatch.setattr("stopgate._evaluate.estimate", recorded)
    return lists


def answers_in_full(url: str) -> list[tuple[float, int]]:
    """Exact Match and tokens of each question, in its order."""
    model, tokenizer = tiny_model(), tiny_tokenizer()
    with Client(url, timeout=30) as client:
        runs = [client.generation({"model": "full"}, samples=1) for _ in QUESTIONS]
        inputs = prompts(tokenizer, QUESTIONS)
        done = generate(model, tokenizer, inputs, client, runs, max_new_tokens=LIMIT, reasoning=REASONING)
    return [(float(is_early(REASONING.read(one.text), "")), len(one.tokens)) for one in done]


def test_evaluations_are_stopped_corrected_and_reported(
    service: Service, tmp_path: Path, seen: list[list[Item]]
) -> None:
    stop_treated(service, "corrected", "evaluated")
    trainer = evaluated(tmp_path, service.url, "corrected")
    trainer.model.train()
    trainer.train()
    logs = [one for one in trainer.state.log_history if "eval_em" in one]
    points = service.get("/v1/training-runs/corrected")["suites"][0]["points"]
    full = answers_in_full(service.url)
    assert [one["step"] for one in logs] == [one["step"] for one in points] == [1, 2]
    for step, items, log, point in zip((1, 2), seen, logs, points, strict=True):
        places = list(range(len(QUESTIONS)))
        random.Random(step).shuffle(places)
        assert len(items) == len(QUESTIONS) and any(one.em is None for one in items)
        assert any(one.em is not None and one.em_stopped is not None for one in items), "some are control"
        for place, item in zip(places, items, strict=True):
            assert item.em in (None, full[place][0])
            assert item.em is None or item.tokens == full[place][1]
            if item.em_stopped is not None:
                assert 16 <= (item.tokens_stopped or item.tokens) <= item.tokens
                assert item.share == 0.5 and item.probe_tokens > 0
        said = estimate(items)
        assert (log["eval_em"], log["eval_em_estimate_low"]) == (said.em, said.em_low)
        assert log["eval_tokens_saved_ratio"] == said.tokens_saved_ratio
        assert log["eval_stop_rate"] == sum(one.em is None for one in items) / len(items)
        for name in ("em", "em_estimate_low", "em_estimate_high", "em_stderr", "tokens_mean", "tokens_spent_mean", "n"):
            assert point[name] == pytest.approx(log[f"eval_{name}"])
        assert point["context"] == {"model": "evaluated", "task": "corrected"}
    context = service.context("model=evaluated,task=corrected")
    assert context["epoch"] == 1, "a step of the training does not end the evidence"


def test_several_answers_to_a_question_are_one_item(service: Service, tmp_path: Path, seen: list[list[Item]]) -> None:
    stop_treated(service, "several", "evaluated")
    trainer = evaluated(tmp_path, service.url, "several", answers=3, sampling=Sampling(1.0))
    trainer.train()
    assert [len(items) for items in seen] == [len(QUESTIONS)] * 2
    levels = {one.em for items in seen for one in items} - {None, 0.0, 1.0}
    assert levels and all(round(3 * (level or 0)) / 3 == level for level in levels)


def test_an_evaluation_is_made_once_by_the_main_process(service: Service, tmp_path: Path, seen: list[Any]) -> None:
    rows = Dataset.from_list([{"input_ids": [4, 5], "labels": [4, 5]}] * 2)
    trainer = evaluated(tmp_path, service.url, "once", sets={"a": rows, "b": rows})
    trainer.train()
    assert len(seen) == 2, "not for each evaluation set"
    callback = trainer.callback_handler.callbacks[-1]
    assert isinstance(callback, StopgateCallback)
    other = SimpleNamespace(global_step=3, is_world_process_zero=False)
    callback.on_evaluate(trainer.args, other, trainer.control, {}, model=trainer.model)
    assert len(seen) == 2, "not by other processes"


def test_the_estimate_may_choose_the_best_model(service: Service, tmp_path: Path) -> None:
    trainer = evaluated(tmp_path, service.url, "best")
    trainer.args.metric_for_best_model = "eval_em"
    trainer.train()
    assert trainer.state.best_metric is not None and 0 <= trainer.state.best_metric <= 1


def test_training_goes_on_where_an_evaluation_fails(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = evaluated(tmp_path, service.url, "failing", max_new_tokens="many")
    trainer.args.metric_for_best_model = "eval_em"
    trainer.train()
    assert trainer.state.global_step == 2 and "can't be evaluated" in caplog.text
    assert not any("eval_em" in one for one in trainer.state.log_history)
    assert isnan(trainer.evaluate()["eval_em"]), "nothing is known"
    callback = trainer.callback_handler.callbacks[-1]
    callback._questions = replace(callback._questions, max_new_tokens=LIMIT)
    known = trainer.evaluate()
    assert 0 <= known["eval_em"] <= 1
    callback._questions = replace(callback._questions, max_new_tokens="many")
    again = trainer.evaluate()
    assert {name: again[name] for name in callback._figures} == {name: known[name] for name in callback._figures}


def test_an_evaluation_after_the_training_has_figures_of_its_own(
    service: Service, tmp_path: Path, seen: list[list[Item]]
) -> None:
    rows = Dataset.from_list([{"input_ids": [4, 5], "labels": [4, 5]}] * 2)
    trainer = evaluated(
        tmp_path, service.url, "after", sets={"a": rows, "b": rows}, prompts=QUESTIONS[:10], references=QUESTIONS[:10]
    )
    trainer.train()
    for count in (3, 4):
        assert 0 <= trainer.evaluate()["eval_em"] <= 1
        assert len(seen) == count, "once for both sets"
    assert 0 <= trainer.evaluate(rows)["eval_em"] <= 1 and len(trainer.evaluate(rows)) > 1
    steps = [one["step"] for one in service.get("/v1/training-runs/after")["suites"][0]["points"]]
    assert steps == [1, 2]


def test_the_best_weights_are_not_reported_as_those_of_the_last_step(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("stopgate.training.Run.report", lambda run, checkpoint: sent.append(checkpoint["step"]))
    trainer = evaluated(tmp_path, service.url, "loaded", prompts=QUESTIONS[:10], references=QUESTIONS[:10])
    trainer.train()
    trainer.state.best_model_checkpoint, trainer.args.load_best_model_at_end = "one", True
    callback = trainer.callback_handler.callbacks[-1]
    callback.on_train_end(trainer.args, trainer.state, trainer.control)
    assert 0 <= trainer.evaluate()["eval_em"] <= 1
    assert sent == [1, 2]


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    for options, message in (
        ({"references": QUESTIONS[1:]}, "as many references"),
        ({"answers": 2}, "Sampling with a temperature"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluated(tmp_path, "http://127.0.0.1:9", "refused", **options)
    sharded = SimpleNamespace(is_fsdp_enabled=True)
    with pytest.raises(ValueError, match="sharded"):
        StopgateEvaluation(
            sharded, "refused", prompts=QUESTIONS, references=QUESTIONS, context={"model": "q"}, max_new_tokens=1
        )


def test_the_example_of_the_page_evaluates(service: Service, tmp_path: Path, seen: list[list[Item]]) -> None:
    page = (ROOT / "docs/integrate/evaluations.md").read_text()
    code = page.partition("```python\n")[2].partition("```")[0].replace("http://localhost:8080", service.url)
    names: dict[str, Any] = {}
    exec(code, names)
    trainer = evaluated(tmp_path, service.url, "page")
    trainer.callback_handler.callbacks.pop()
    names["add_evaluation"](trainer, QUESTIONS[:3], QUESTIONS[:3])
    callback = trainer.callback_handler.callbacks[-1]
    callback._questions = replace(callback._questions, max_new_tokens=LIMIT)
    trainer.train()
    assert [len(items) for items in seen] == [3, 3]
    assert "gsm8k" in [one["suite"] for one in service.get("/v1/training-runs/q-rl-7")["suites"]]
    assert any("eval_gsm8k_em" in one for one in trainer.state.log_history)
