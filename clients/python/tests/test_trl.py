"""A real GRPOTrainer whose rollouts a real service stops."""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset

from conftest import ROOT, Service
from stopgate import Client
from stopgate._outcome import outcome_of
from stopgate.hf import ReasoningFormat
from stopgate.rollout import Turn
from stopgate.training import Run
from stopgate.trl import Rollouts, _check_control
from test_rollout import CLOSE_ID, Engine, stop_treated
from tiny import tiny_model, tiny_tokenizer

trl: Any = import_module("trl")
torch.set_num_threads(1)  # the machines that run the tests are small
LETTERS = "abcdefgh"
CLOSE = "\n</think>\n"


class Trained:
    """A trainer, with its requests and their replies."""

    def __init__(self, folder: Path, client: Client, mode: Any, **options: Any) -> None:
        self.graded: list[tuple[list[str], list[str]]] = []
        self.stopping = Rollouts(
            client, reward=self.vowels, context={"model": "tiny", "task": mode}, mode=mode,
            reasoning=ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2), **options,
        )  # fmt: skip
        self.rollouts: list[dict[str, Any]] = []
        self.logs: list[dict[str, float]] = []

        def recorded(prompts: list[Any], trainer: Any) -> dict[str, Any]:
            self.rollouts.append(self.stopping(prompts, trainer))
            return self.rollouts[-1]

        config = trl.GRPOConfig(
            output_dir=str(folder), max_steps=6, per_device_train_batch_size=8, num_generations=4,
            max_completion_length=40, report_to=[], use_cpu=True, save_strategy="no", logging_steps=1,
            disable_tqdm=True, bf16=False, gradient_checkpointing=False, learning_rate=1e-6,
        )  # fmt: skip
        rows = [{"prompt": letter, "right": letter} for letter in LETTERS]
        self.trainer = trl.GRPOTrainer(
            tiny_model(), args=config, train_dataset=Dataset.from_list(rows), processing_class=tiny_tokenizer(),
            rollout_func=recorded, reward_funcs=self.stopping.reward,
        )  # fmt: skip

    def vowels(self, prompts: list[str], completions: list[str], right: list[str], **_: Any) -> list[float]:
        """Rewards vowels. The column and the prompts must belong together."""
        assert prompts == right and len(prompts) == len(completions)
        self.graded.append((prompts, completions))
        return [sum(one in "aeiou" for one in text) / max(1, len(text)) for text in completions]


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The outcomes that are reported."""
    told: list[dict[str, Any]] = []

    def recorded(*args: Any) -> dict[str, Any]:
        told.append(outcome_of(*args))
        return told[-1]

    monkeypatch.setattr("stopgate._session.outcome_of", recorded)
    return told


def stop_at_second_check(service: Service, mode: str) -> None:
    """Stops treated rollouts wherever they are asked about, but for the first check."""
    stop_treated(service, mode, "tiny")


@pytest.mark.parametrize("mode", ["answer", "truncate"])
def test_rollouts_are_stopped_as_their_mode_says(
    service: Service, tmp_path: Path, mode: str, outcomes: list[dict[str, Any]]
) -> None:
    stop_at_second_check(service, mode)
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, mode)
        trained.trainer.args.max_steps = 12  # so that some control rollout is long enough to be asked
        trained.trainer.train()
        assert client.flush(30)
    tokenizer, told = tiny_tokenizer(), {one["generation_id"]: one for one in outcomes}
    closing = tokenizer.encode(CLOSE, add_special_tokens=False)
    ids = [row for rollout in trained.rollouts for row in rollout["completion_ids"]]
    masks = [row for rollout in trained.rollouts for row in rollout["env_mask"]]
    assert len(ids) == 96 and [len(one) for one in ids] == [len(one) for one in masks]
    masked = [[token for token, kept in zip(*one, strict=True) if not kept] for one in zip(ids, masks, strict=True)]
    stops = [one for one in told.values() if one["stopped"]]
    assert stops, "some group is treated"
    if mode == "answer":
        assert sorted(map(len, masked)) == [0] * (96 - len(stops)) + [len(closing)] * len(stops)
        assert all(one in ([], closing) for one in masked)
        assert all(one["tokens"] > 16 + len(closing) for one in stops)
    else:
        assert not any(masked), "nothing is forced"
        assert {one["tokens"] for one in stops} <= {len(one) for one in ids}
        for one in stops:
            probe = one["stopped_probe"]
            assert (one["tokens"], one["answer"], one["reward"]) == (probe["tokens"], probe["answer"], probe["reward"])
    groups: dict[str, set[str]] = {}
    for one in told.values():
        groups.setdefault(one["group_id"], set()).add(one["arm"])
        assert one["samples"] == 4 and "sample_index" not in one
    assert all(len(arms) == 1 for arms in groups.values()), "the samples of a prompt are in one arm"
    control = [one for one in told.values() if one["arm"] == "control"]
    steps = [step for one in control for step in one["steps"] if "answer" in step]
    assert steps and all("reward" in one for one in [*control, *steps])


def test_the_mean_of_an_arm_is_logged_and_reported(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at_second_check(service, "answer")
    checkpoints: list[dict[str, Any]] = []
    report = Run.report

    def recorded(self: Run, checkpoint: dict[str, Any]) -> bool:
        checkpoints.append(checkpoint)
        return report(self, checkpoint)

    monkeypatch.setattr(Run, "report", recorded)
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, "answer", run="vowels", report_every=1)
        trained.trainer.train()
    logged = {name for entry in trained.trainer.state.log_history for name in entry if name.startswith("stopgate/")}
    assert {f"stopgate/treated/{name}" for name in ("reward", "tokens", "advantage_variance", "stopped")} <= logged
    suites = {one["suite"]: one["points"] for one in service.get("/v1/training-runs/vowels")["suites"]}
    assert "rollouts treated" in suites and all(0 <= point["em"] <= 1 for point in suites["rollouts treated"])
    assert any(point["stop_rate"] > 0 for point in suites["rollouts treated"])
    assert all(point["advantage_variance"] >= 0 for point in suites["rollouts treated"])
    assert "of the prompts are control" not in caplog.text
    key = "model=tiny,task=answer"
    assert [one["context"] for one in service.get("/v1/training-runs/vowels")["contexts"]] == [key]
    assert all(one["continues"] and one["context"] == {"model": "tiny", "task": "answer"} for one in checkpoints)


def test_few_control_prompts_are_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    _check_control([None, 1.0, 0.2])
    assert not caplog.text
    _check_control([None, 0.02, 1.0])
    assert "only 2 % of the prompts are control" in caplog.text and '"control_rate": 0.2' in caplog.text


def test_samples_that_end_before_their_first_check_are_reported_with_their_group(
    service: Service, tmp_path: Path, outcomes: list[dict[str, Any]]
) -> None:
    stop_at_second_check(service, "answer")
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, "answer")
        model = trained.trainer.model
        model.generation_config.eos_token_id = [1, 4, 5]  # so that many end soon
        trained.trainer.train()
        assert client.flush(30)
    sizes: dict[str, int] = {}
    for one in outcomes:
        sizes[one["group_id"]] = sizes.get(one["group_id"], 0) + 1
    assert any(one["tokens"] < 8 for one in outcomes) and set(sizes.values()) == {4}


@pytest.mark.parametrize("options", [{"share": 0.0}, {"from_step": 6}])
def test_rollouts_that_may_not_ask_run_in_full(
    service: Service, tmp_path: Path, outcomes: list[dict[str, Any]], options: dict[str, Any]
) -> None:
    stop_at_second_check(service, "answer")
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, "answer", **options)
        trained.trainer.train()
        assert not outcomes and client.counters.calls == 0
    assert all(all(mask) for rollout in trained.rollouts for mask in rollout["env_mask"])
    assert [len(completions) for _, completions in trained.graded] == [8] * 6


def test_rewards_are_scaled_to_their_bounds(service: Service, tmp_path: Path, outcomes: list[dict[str, Any]]) -> None:
    stop_at_second_check(service, "answer")
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, "answer", bounds=(-1.0, 1.0))
        trained.trainer.train()
        assert client.flush(30)
    rewards = [one["reward"] for one in outcomes]
    assert rewards and all(0.5 <= one <= 1 for one in rewards)


def test_what_cannot_work_is_refused(service: Service, tmp_path: Path) -> None:
    with Client(service.url, timeout=30) as client:
        options: list[dict[str, Any]] = [{"bounds": (1.0, 1.0)}, {"share": 1.5}, {"mode": "cut"}, {"report_every": 0}]
        for option in options:
            with pytest.raises(ValueError, match=next(iter(option))):
                Rollouts(client, reward=lambda **_: [], context={"model": "x"}, **option)

        async def later(**_: Any) -> list[float]:
            return []

        awaited: Any = later
        with pytest.raises(ValueError, match="async"):
            Rollouts(client, reward=awaited, context={"model": "x"})
        trained = Trained(tmp_path, client, "truncate")
        trained.trainer.mask_truncated_completions = True
        with pytest.raises(ValueError, match="mask_truncated_completions"):
            trained.trainer.train()
        trained = Trained(tmp_path, client, "answer")
        trained.trainer.reward_funcs = [trained.vowels]
        with pytest.raises(ValueError, match="would not be graded"):
            trained.trainer.train()
        fields: list[tuple[str, Any, str]] = [
            ("tools", [print], "with tools"),
            ("environments", [], "environments"),
        ]
        for name, value, said in fields:
            trained = Trained(tmp_path, client, "answer")
            setattr(trained.trainer, name, value)
            with pytest.raises(ValueError, match=said):
                trained.stopping(["a"], trained.trainer)
        trained = Trained(tmp_path, client, "answer")
        with pytest.raises(ValueError, match="with images"):
            trained.stopping([[{"role": "user", "content": [{"type": "image"}]}]], trained.trainer)
        trained = Trained(tmp_path, client, "answer")
        trained.trainer.args.generation_kwargs = {"no_repeat_ngram_size": 3, "top_p": 0.9}
        with pytest.raises(ValueError, match=r": no_repeat_ngram_size$"):
            trained.stopping(["a"], trained.trainer)


def test_trainings_that_fail_can_be_repeated(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, "answer")
        for broken in ("stopgate.trl.generate_rows", "trl.GRPOTrainer._calculate_rewards"):
            with monkeypatch.context() as patch:
                patch.setattr(broken, lambda *_, **__: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    trained.trainer.train()
        trained.trainer.train()
    assert len(trained.graded) == 6


def test_a_reward_may_be_a_tensor(service: Service, tmp_path: Path) -> None:
    stop_at_second_check(service, "answer")
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, "answer")
        vowels = trained.vowels
        tensors: Any = lambda **columns: torch.tensor(vowels(**columns))  # noqa: E731
        trained.stopping._reward = tensors
        trained.trainer.train()
    assert any("stopgate/treated/reward" in entry for entry in trained.trainer.state.log_history)


def test_columns_of_a_reward_function_have_a_value_for_each_rollout(service: Service, tmp_path: Path) -> None:
    stop_at_second_check(service, "answer")
    kept: list[int] = []
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, "answer")
        vowels, counted = trained.vowels, trained.trainer._log_completion_extra

        def logging(log_extra: Any, **columns: Any) -> Any:
            rewards = vowels(**columns)
            log_extra("vowels", rewards)
            return rewards

        def count(column: str, values: list[Any]) -> None:
            kept.append(len(values))
            counted(column, values)

        trained.stopping._reward, trained.trainer._log_completion_extra = logging, count
        trained.trainer.train()
    assert kept == [8] * 6 and any(len(completions) > 8 for _, completions in trained.graded)


def test_the_example_of_the_page_trains(service: Service, tmp_path: Path) -> None:
    page = (ROOT / "docs/integrate/rollouts.md").read_text()
    code = page.partition("```python\n")[2].partition("```")[0].replace("http://localhost:8080", service.url)
    names: dict[str, Any] = {}
    exec(code, names)
    with Client(service.url) as client:
        trained = Trained(tmp_path, client, "answer")
    rows = Dataset.from_list([{"prompt": letter, "right": letter} for letter in LETTERS])
    trained.trainer.args.max_steps = 1
    names["GRPOTrainer"] = partial(trl.GRPOTrainer, processing_class=tiny_tokenizer())
    names["train"](tiny_model(), trained.trainer.args, rows, trained.vowels)
    assert trained.graded


class StandIn:
    """TRL's interface of vLLM, which can't be had here, on top of the trained model."""

    def __init__(self, model: Any) -> None:
        self._engine, self.synced = Engine(model), 0
        self.longest = 0
        self.max_completion_length, self.logprobs, self.temperature, self.top_p, self.top_k = 40, 0, 1.0, 1.0, 0
        self.min_p: float | None = None
        self.generation_kwargs = {"seed": 1, "allowed_token_ids": None}
        self.repetition_penalty = 1.0

    def sync_weights(self) -> None:
        """Is called before each step."""
        self.synced += 1

    def generate(self, prompts: list[list[int]], images: None, num_generations: int) -> tuple[Any, ...]:
        """Completes each prompt once."""
        assert num_generations == 1 and prompts and self.generation_kwargs == {"allowed_token_ids": None}
        self.longest = max(
            [self.longest, *(len(one) for one in prompts if CLOSE_ID in one[-3:])]
        )  # behind a closed reasoning
        turns = [Turn(prompt, self.max_completion_length, self.temperature == 0) for prompt in prompts]
        said = self._engine.say_all(turns)
        return prompts, [one.tokens for one in said], [[[level] for level in one.logprobs or []] for one in said], None


def by_vllm(trained: Trained) -> Any:
    """The trainer, as if it used vLLM."""
    trainer = trained.trainer
    trainer.use_vllm, trainer.vllm_generation, trainer._last_loaded_step = True, StandIn(trainer.model), -1
    trainer.vllm_importance_sampling_correction = True
    return trainer


def test_probes_that_would_exceed_the_context_of_vllm_are_left_out(service: Service, tmp_path: Path) -> None:
    policy = {"check_every_tokens": 8, "check_growth": 0, "control_rate": 1}  # each is probed up to its end
    service.put("/v1/contexts/model=tiny,task=answer/policy", policy)
    longest = []
    for limit in (None, 60):
        with Client(service.url, timeout=30) as client:
            trainer = by_vllm(Trained(tmp_path, client, "answer"))
            trainer.args.vllm_max_model_length = limit
            trainer.train()
            longest.append(trainer.vllm_generation.longest)
    assert longest[0] > longest[1] > 0, "the last checks have no room, the first have"


def test_what_would_break_turns_of_vllm_is_refused(service: Service, tmp_path: Path) -> None:
    fields: list[tuple[str, Any, str]] = [
        ("vllm_enable_sleep_mode", True, "sleep"),
        ("vllm_structured_outputs_regex", "a", "expression"),
        ("generation_kwargs", {"stop": ["x"], "top_p": 0.9}, ": stop$"),
    ]
    with Client(service.url, timeout=30) as client:
        for name, value, said in fields:
            trainer = by_vllm(Trained(tmp_path, client, "answer"))
            setattr(trainer.args, name, value)
            with pytest.raises(ValueError, match=said):
                trainer.train()


@pytest.mark.parametrize("mode", ["answer", "truncate"])
def test_rollouts_of_vllm_are_stopped_in_turns(
    service: Service, tmp_path: Path, mode: str, outcomes: list[dict[str, Any]]
) -> None:
    stop_at_second_check(service, mode)
    with Client(service.url, timeout=30) as client:
        trained = Trained(tmp_path, client, mode)
        trained.trainer.args.max_steps = 12  # so that some treated rollout is long enough to be stopped
        trainer = by_vllm(trained)
        trainer.train()
        assert client.flush(30)
    assert trainer.vllm_generation.synced == 12
    for rollout in trained.rollouts:
        for tokens, mask, levels in zip(
            rollout["completion_ids"], rollout["env_mask"], rollout["logprobs"], strict=True
        ):
            assert len(tokens) == len(mask) == len(levels) <= 40
            assert [level is None for level in levels] == [not kept for kept in mask]
    assert any(one["stopped"] for one in outcomes)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 12 and all(abs(loss) < 100 for loss in losses), "forced tokens spoil no loss"
