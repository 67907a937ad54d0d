"""A real Trainer and a real GRPOTrainer report to a real service."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import Trainer, TrainingArguments

from conftest import Service
from stopgate.training import StopgateCallback, figures_of, suite_of
from tiny import tiny_model, tiny_tokenizer

trl: Any = import_module("trl")
torch.set_num_threads(1)  # the machines that run the tests are small
OPTIONS: dict[str, Any] = {
    "max_steps": 4, "eval_strategy": "steps", "eval_steps": 1, "report_to": [], "use_cpu": True, "save_strategy": "no",
    "logging_steps": 1, "disable_tqdm": True, "per_device_eval_batch_size": 4,
}  # fmt: skip


def points(service: Service, run: str) -> "dict[str, list[tuple[int, float, float, int]]]":
    suites = service.get(f"/v1/training-runs/{run}")["suites"]
    return {one["suite"]: [(p["step"], p["em"], p["tokens_mean"], p["n"]) for p in one["points"]] for one in suites}


def trainer(folder: Path, callback: StopgateCallback, em: "list[float]", sets: Any = None) -> Any:
    rows = [{"input_ids": [4, 5, 6, 7], "labels": [4, 5, 6, 7]} for _ in range(6)]

    def compute_metrics(_: Any) -> "dict[str, float]":
        return {"exact_match": em.pop(0), "tokens_mean": 80.0}

    options = TrainingArguments(output_dir=str(folder), **OPTIONS)
    return Trainer(
        model=tiny_model(), args=options, train_dataset=Dataset.from_list(rows), callbacks=[callback],
        eval_dataset=sets or Dataset.from_list(rows), compute_metrics=compute_metrics,
    )  # fmt: skip


def test_trainer_reports_each_evaluation(service: Service, tmp_path: Path) -> None:
    callback = StopgateCallback("trainer", url=service.url, suite="gsm8k", context={"model": "trained"})
    trainer(tmp_path, callback, [0.1, 0.2, 0.3, 0.4]).train()
    assert points(service, "trainer") == {"gsm8k": [(i, i / 10, 80.0, 6) for i in (1, 2, 3, 4)]}


def test_checkpoints_say_whether_they_continue_the_training(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("stopgate.training.Run.report", lambda run, checkpoint: sent.append(checkpoint))
    for continues in (False, True):
        callback = StopgateCallback("moves", url=service.url, context={"model": "moves"}, continues=continues)
        trainer(tmp_path, callback, [0.1] * 4).train()
    assert ["continues" in one for one in sent] == [False] * 4 + [True] * 4


def test_evaluation_sets_are_suites(service: Service, tmp_path: Path) -> None:
    rows = [{"input_ids": [4, 5], "labels": [4, 5]} for _ in range(3)]
    sets = {"gsm8k": Dataset.from_list(rows), "math": Dataset.from_list(rows[:2])}
    trainer(tmp_path, StopgateCallback("sets", url=service.url), [0.1, 0.2] * 4, sets).train()
    assert {suite: (len(seen), seen[0][1], seen[0][3]) for suite, seen in points(service, "sets").items()} == {
        "gsm8k": (4, 0.1, 3), "math": (4, 0.2, 2),
    }  # fmt: skip


@pytest.mark.parametrize(("stop_on", "steps"), [(set(), 4), ({"same_level"}, 2)])
def test_a_verdict_in_stop_on_ends_the_training(
    service: Service, tmp_path: Path, stop_on: "set[str]", steps: int
) -> None:
    run = f"verdict-{steps}"
    one = trainer(tmp_path, StopgateCallback(run, url=service.url, stop_on=stop_on), [0.5] * 4)
    one.train()
    assert one.state.global_step == steps == len(points(service, run)["eval"])


def test_grpo_reports_its_rewards_by_suite(service: Service, tmp_path: Path) -> None:
    def exact_match(completions: "list[str]", **_: Any) -> "list[float]":
        return [float(len(completion) % 2) for completion in completions]

    prompts = Dataset.from_list([{"prompt": text} for text in ("abc", "hello", "q", "gate")])
    options = trl.GRPOConfig(
        output_dir=str(tmp_path), num_generations=2, max_completion_length=6, per_device_train_batch_size=4,
        **{**OPTIONS, "max_steps": 2},
    )  # fmt: skip
    one = trl.GRPOTrainer(
        model=tiny_model(), reward_funcs=[exact_match], args=options, train_dataset=prompts,
        eval_dataset={"gsm8k": prompts, "math": prompts}, processing_class=tiny_tokenizer(),
        callbacks=[StopgateCallback("grpo", url=service.url)],
    )  # fmt: skip
    one.train()
    seen = points(service, "grpo")
    assert {suite: [(step, n) for step, _, _, n in those] for suite, those in seen.items()} == {
        "gsm8k": [(1, 4), (2, 4)], "math": [(1, 4), (2, 4)],
    }  # fmt: skip
    assert all(0 <= em <= 1 and 0 < tokens <= 6 for those in seen.values() for _, em, tokens, _ in those)


def test_without_the_service_training_goes_on_and_reports_later(mortal_service: Service, tmp_path: Path) -> None:
    callback = StopgateCallback("away", url=mortal_service.url, timeout=30, exit_seconds=0, stop_on={"same_level"})
    one = trainer(tmp_path, callback, [0.1, 0.2, 0.3, 0.4])
    mortal_service.kill()
    one.train()
    assert one.state.global_step == 4
    mortal_service.start()
    callback.on_train_end(one.args, one.state, one.control)
    assert points(mortal_service, "away") == {"eval": [(i, i / 10, 80.0, 6) for i in (1, 2, 3, 4)]}


def test_metrics_that_are_missing_are_named(service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = trainer(tmp_path, StopgateCallback("missing", url=service.url), [float("nan")] * 4)
    one.train()
    assert "eval is not reported without ['em']" in caplog.text and "eval_exact_match" in caplog.text


def test_figures_of_one_evaluation_set() -> None:
    metrics = {"eval_exact_match": 0.5, "eval_gen_len": 80.0, "eval_n": 12, "eval_loss": 1.0, "eval_runtime": 2.0}
    assert suite_of(metrics) is None
    assert figures_of(metrics, None) == {"em": 0.5, "tokens_mean": 80.0, "n": 12}


def test_figures_of_a_named_set_of_grpo() -> None:
    metrics = {
        "eval_gsm8k_runtime": 2.0, "eval_rewards/exact_match/mean": 0.25, "eval_completions/mean_length": 9.5,
        "eval_completions/clipped_ratio": None,
    }  # fmt: skip
    assert suite_of(metrics) == "gsm8k"
    assert figures_of(metrics, "gsm8k") == {"em": 0.25, "tokens_mean": 9.5}


def test_figures_of_a_set_with_an_underscore() -> None:
    metrics = {"eval_math_500_runtime": 1.0, "eval_math_500_exact_match": float("nan"), "eval_math_500_tokens_mean": 5}
    assert suite_of(metrics) == "math_500"
    assert figures_of(metrics, "math_500") == {"tokens_mean": 5.0}
