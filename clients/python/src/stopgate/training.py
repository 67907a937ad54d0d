"""Reports the checkpoints of transformers' Trainer and of TRL: `pip install 'stopgate-client[training]'`."""

import json
import math
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import torch.distributed
from transformers import TrainerCallback
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

from ._evaluate import Questions, evaluate, is_same
from ._hf import Sampling
from ._http import Connections, Endpoint
from ._telemetry import logger, warn
from .client import Client
from .errors import CallFailed
from .evaluation import Estimate
from .generation import Context
from .reasoning import ReasoningFormat

__all__ = ["Sampling", "StopgateCallback", "StopgateEvaluation"]

T = TypeVar("T")
_DEFAULT_SUITE = "eval"
_FIRST_WAIT_SECONDS = 0.5
_FIGURES = {
    "exact_match": "em",
    "em": "em",
    "exact_match_stderr": "em_stderr",
    "em_stderr": "em_stderr",
    "em_estimate_low": "em_estimate_low",
    "em_estimate_high": "em_estimate_high",
    "n": "n",
    "tokens_mean": "tokens_mean",
    "tokens_spent_mean": "tokens_spent_mean",
    "gen_len": "tokens_mean",
    "tokens_p50": "tokens_p50",
    "tokens_p95": "tokens_p95",
    "stop_rate": "stop_rate",
    "truncated_rate": "truncated_rate",
}
"""Figures by their names in `compute_metrics`; `gen_len` is the Seq2SeqTrainer's."""

_TRL_FIGURES = {
    "rewards/exact_match/mean": "em",
    "completions/mean_length": "tokens_mean",
    "completions/clipped_ratio": "truncated_rate",
}
"""Figures by their names in TRL's GRPOTrainer, for a reward function named exact_match. They do not name the suite."""


_METRICS: dict[str, Callable[[Estimate], float]] = {
    "em": lambda one: one.em,
    "em_estimate_low": lambda one: one.em_low,
    "em_estimate_high": lambda one: one.em_high,
    "em_stderr": lambda one: one.em_stderr,
    "em_stopped": lambda one: one.em_stopped,
    "n": lambda one: one.n,
    "tokens_mean": lambda one: one.tokens_mean,
    "tokens_spent_mean": lambda one: one.tokens_spent_mean,
    "tokens_saved_ratio": lambda one: one.tokens_saved_ratio,
    "stop_rate": lambda one: one.stopped / one.n,
}
"""Metrics of an estimate."""


class StopgateCallback(TrainerCallback):
    """Reports the EM and the tokens of each checkpoint that transformers' Trainer or one of TRL's evaluates.

    `compute_metrics` returns `exact_match` and `tokens_mean`; a GRPOTrainer has a reward function named `exact_match`.
    A checkpoint that the service does not accept is sent with the next evaluation. Training never fails because of it.

    Args:
        run: name of the run.
        url: of the service; None: the environment's STOPGATE_URL, or http://localhost:8080 without it.
        token: bearer token with the role trainer, or operator if `stop_on` is used; None: the environment's
            STOPGATE_TOKEN, if it is set.
        suite: name of the evaluation set, if Trainer has only one, which has no name.
        context: where this checkpoint is served; None: nowhere.
        continues: whether what `context` serves is the policy as it is trained, such as rollouts: a step then opens no
            epoch there, and the guarantee is about the policy as it moves.
        stop_on: verdicts on which training ends, such as {"plateau", "overthinking"}. Empty: none ends it.
        timeout: seconds for a call. Each evaluation waits for one, and for a second one if `stop_on` is used.
        exit_seconds: seconds that the end of the training may take to report the checkpoints that wait.
    """

    def __init__(
        self,
        run: str,
        *,
        url: str | None = None,
        token: str | None = None,
        suite: str = _DEFAULT_SUITE,
        context: Context | None = None,
        continues: bool = False,
        stop_on: Collection[str] = (),
        timeout: float = 5.0,
        exit_seconds: float = 30.0,
    ) -> None:
        self._url = url or os.environ.get("STOPGATE_URL") or "http://localhost:8080"
        self._token = token or os.environ.get("STOPGATE_TOKEN")
        self._run = Run(Endpoint(self._url, self._token), run, timeout)
        self._suite, self._exit_seconds = suite, exit_seconds
        self._served: dict[str, Any] = {} if context is None else {"context": dict(context)}
        if continues:
            self._served["continues"] = True
        self._stop_on = frozenset(stop_on)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """Reports an evaluation, and ends the training if a verdict of `stop_on` was reached."""
        is_reached = False
        if state.is_world_process_zero:
            try:
                is_reached = self._report(state, metrics or {}, kwargs)
            except Exception:  # a training may not fail because it can't be reported
                logger.exception("the evaluation at step %d can't be reported", state.global_step)
        if bool(self._stop_on) and _of_main_process(is_reached):
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reports the checkpoints that wait."""
        if state.is_world_process_zero and not self._run.send_until(self._exit_seconds):
            warn("checkpoints left", "some checkpoints were not reported before the end of the training")

    def _named(self, metrics: Mapping[str, Any]) -> str | None:
        """The suite by which the metrics are named; None: they are named by none."""
        return suite_of(metrics)

    def _report(self, state: Any, metrics: dict[str, Any], kwargs: dict[str, Any]) -> bool:
        """Returns whether a verdict of `stop_on` was reached."""
        named = self._named(metrics)
        suite, figures = named or self._suite, figures_of(metrics, named)
        if "n" not in figures and (questions := _questions(kwargs.get("eval_dataloader"))):
            figures["n"] = questions
        missing = {"em", "tokens_mean", "n"} - figures.keys()
        if missing:
            warn(f"metrics {suite}", f"{suite} is not reported without {sorted(missing)}; there are {sorted(metrics)}")
            return False
        is_taken = self._run.report({"step": state.global_step, "suite": suite, **figures, **self._served})
        reached = self._run.verdicts(suite) & self._stop_on if self._stop_on and is_taken else set()
        if reached:
            logger.warning("training ends at step %d with %s of %s", state.global_step, sorted(reached), suite)
        return bool(reached)


def _questions(dataloader: Any) -> int | None:
    """Number of questions of the evaluation; None if it has no length."""
    try:
        return len(dataloader.dataset)
    except (AttributeError, TypeError):
        return None


def _of_main_process(value: T) -> T:
    """The value that the main process has. If only some processes stopped, the others would wait for them."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return value
    said = [value]
    torch.distributed.broadcast_object_list(said, src=0)
    return said[0]


class StopgateEvaluation(StopgateCallback):
    """Answers the questions of an evaluation whenever a Trainer evaluates, stops early, and estimates EM in full.

        trainer.add_callback(StopgateEvaluation(
            trainer, "q-rl-7", prompts=chats, references=right, context={"model": "q-rl", "task": "eval"},
            max_new_tokens=4096,
        ))

    The trainer logs `eval_em`, which is corrected by the control answers, its 95 % interval `eval_em_estimate_low` and
    `eval_em_estimate_high`, `eval_em_stderr` (which has the error of the choice of questions, too), `eval_em_stopped`
    (not corrected), `eval_tokens_mean` (of answers in full, estimated likewise), `eval_tokens_spent_mean`,
    `eval_tokens_saved_ratio`, `eval_stop_rate`, and the number of questions `eval_n`; with a `suite` the names are
    `eval_<suite>_em` and so on. They are part of the metrics, so that `metric_for_best_model="eval_em"` works. Each
    evaluation is reported as a checkpoint of the run that continues the training, so that its context keeps its
    evidence.

    The main process answers while the others wait, so `ddp_timeout` has to exceed the time of an evaluation.

    Args:
        trainer: of transformers or TRL.
        run: name of the training run at the service.
        prompts: of the questions: chats, or texts that are complete prompts with their reasoning open.
        references: right answers.
        context: of the evaluation, in which nothing else generates. In its policy, set `control_rate`, and set
            `evidence_span_seconds` to 0.
        max_new_tokens: most tokens of an answer, with its reasoning.
        is_right: grades an answer, given its reference; the default compares texts.
        answers: answers to each question.
        batch_size: generations at once.
        reasoning: how reasoning is closed and answers are forced.
        sampling: how tokens are chosen; None: greedily.
        template: options of the chat template.
        decision_timeout: seconds for a decision. Without a reply in time, answers go on.
        options: of `StopgateCallback`, such as `url`, `suite` and `stop_on`.

    Raises:
        ValueError: the weights are sharded over processes, the numbers of prompts and references differ, or several
            answers are to be chosen greedily.
    """

    def __init__(
        self,
        trainer: Any,
        run: str,
        *,
        prompts: Sequence[Any],
        references: Sequence[str],
        context: Context,
        max_new_tokens: int,
        is_right: Callable[[str, str], bool] = is_same,
        answers: int = 1,
        batch_size: int = 64,
        reasoning: ReasoningFormat | None = None,
        sampling: Sampling | None = None,
        template: Mapping[str, Any] | None = None,
        decision_timeout: float = 2.0,
        **options: Any,
    ) -> None:
        super().__init__(run, context=context, continues=True, **options)
        if trainer.is_fsdp_enabled or is_deepspeed_zero3_enabled():
            raise ValueError("the main process can't generate alone, since the weights are sharded over processes")
        self._questions = Questions(
            prompts, references, is_right, max_new_tokens, answers, batch_size, reasoning or ReasoningFormat(),
            sampling or Sampling(), template or {},
        )  # fmt: skip
        self._trainer, self._context, self._decision_timeout = trainer, context, decision_timeout
        self._client: Client | None = None
        self._evaluated: tuple[int, set[str | None]] | None = None
        """The step of the last evaluation, and the sets for which the Trainer has asked there."""
        self._figures = self._metrics_of(None)
        """Of the last evaluation that did not fail."""
        self._has_best_weights = False
        """Whether the training has ended with weights that are not those of its last step."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begins a training, which may be one of several."""
        self._has_best_weights = False

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """Evaluates, once for all evaluation sets of the Trainer, and reports the estimate.

        A failure ends no training: metrics are then those of the last evaluation, or NaN before the first one, since
        `metric_for_best_model` has to be there. They are neither logged nor reported.
        """
        if not self._is_due(state.global_step, suite_of(metrics or {})):
            if metrics is not None:
                metrics.update(self._figures)
            return
        figures: dict[str, float] = {}
        if state.is_world_process_zero:
            try:
                figures = self._metrics_of(self._estimate(state, kwargs))
            except Exception:  # a training may not fail because it can't be evaluated
                logger.exception(
                    "the model at step %d can't be evaluated; its metrics are those of the last evaluation",
                    state.global_step,
                )
        figures = _of_main_process(figures)
        self._figures = figures or self._figures
        if metrics is not None:
            metrics.update(self._figures)
        if not figures:
            return
        self._trainer.log(dict(figures))
        if not self._has_best_weights:
            super().on_evaluate(args, state, control, figures, **kwargs)

    def _is_due(self, step: int, named: str | None) -> bool:
        """Whether the Trainer evaluates again, and not only the next of several evaluation sets."""
        if self._evaluated is not None and self._evaluated[0] == step and named not in self._evaluated[1]:
            self._evaluated[1].add(named)
            return False
        self._evaluated = step, {named}
        return True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reports the checkpoints and outcomes that wait."""
        super().on_train_end(args, state, control, **kwargs)
        self._evaluated = None  # the weights may be others now, at the same step
        self._has_best_weights = bool(args.load_best_model_at_end and state.best_model_checkpoint)
        if self._client is not None:
            self._client.close(self._exit_seconds)
            self._client = None

    def _estimate(self, state: Any, kwargs: Mapping[str, Any]) -> Estimate:
        if self._client is None:
            self._client = Client(self._url, token=self._token, timeout=self._decision_timeout)
        model, processing = kwargs["model"], kwargs["processing_class"]
        tokenizer, was_training = getattr(processing, "tokenizer", processing), model.training
        model.eval()
        try:
            return evaluate(model, tokenizer, self._client, self._context, self._questions, seed=state.global_step)
        finally:
            model.train(was_training)
            self._client.flush(self._exit_seconds)

    def _named(self, metrics: Mapping[str, Any]) -> str | None:
        return None if self._suite == _DEFAULT_SUITE else self._suite

    def _metrics_of(self, one: Estimate | None) -> dict[str, float]:
        """An estimate in the names of Trainer's metrics; None: each is NaN."""
        prefix = _prefix(self._named({}))
        return {f"{prefix}{name}": math.nan if one is None else value_of(one) for name, value_of in _METRICS.items()}


def suite_of(metrics: Mapping[str, Any]) -> str | None:
    """The name of the evaluation set, which Trainer writes into the name of each metric; None: there is only one."""
    for name in metrics:
        if name.startswith("eval_") and name.endswith("_runtime"):
            return name.removeprefix("eval_").removesuffix("runtime").removesuffix("_") or None
    return None


def _prefix(suite: str | None) -> str:
    """Before the names of metrics."""
    return "eval_" if suite is None else f"eval_{suite}_"


def figures_of(metrics: Mapping[str, Any], suite: str | None) -> dict[str, float]:
    """The figures of an evaluation as a checkpoint has them, without those that are not finite numbers.

    Args:
        metrics: as Trainer passes them to `on_evaluate`.
        suite: as `suite_of` returns it.
    """
    prefix = _prefix(suite)
    names = {f"eval_{name}": field for name, field in _TRL_FIGURES.items()}
    names |= {f"{prefix}{name}": field for name, field in _FIGURES.items()}
    found = {field: metrics[name] for name, field in names.items() if name in metrics}
    return {
        field: int(value) if field == "n" else float(value)
        for field, value in found.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


class Run:
    """A training run at the service. Reports checkpoints in order; those not accepted wait for the next call.

    Args:
        endpoint: where the service is.
        name: of the run.
        timeout: seconds for a call.
    """

    def __init__(self, endpoint: Endpoint, name: str, timeout: float) -> None:
        self._connections, self._timeout = Connections(endpoint), timeout
        self._path = f"/v1/training-runs/{quote(name, safe='')}"
        self._waiting: list[dict[str, Any]] = []

    def report(self, checkpoint: dict[str, Any]) -> bool:
        """Reports a checkpoint and those that wait. Returns whether all were accepted. Never raises."""
        self._waiting.append(checkpoint)
        return self.send()

    def send(self) -> bool:
        """Sends the checkpoints that wait. Returns whether none is left. Never raises."""
        if not self._waiting:
            return True
        body = json.dumps({"checkpoints": self._waiting}, allow_nan=False).encode()
        try:
            reply = self._connections.call("POST", f"{self._path}/checkpoints", body, timeout=self._timeout).json()
        except CallFailed as error:
            warn("checkpoints", f"checkpoints are not reported: {error}")
            if not error.may_succeed_later:
                self._waiting.clear()
            return not self._waiting
        for problem in reply["rejected"]:
            warn("checkpoint", f"a checkpoint was refused: {problem['path']} {problem['message']}")
        self._waiting.clear()
        return True

    def send_until(self, seconds: float) -> bool:
        """Sends the checkpoints that wait, with retries for so many seconds. Returns whether none is left."""
        end, wait = time.monotonic() + seconds, _FIRST_WAIT_SECONDS
        while not self.send():
            if time.monotonic() + wait > end:
                return False
            time.sleep(wait)
            wait *= 2
        return True

    def verdicts(self, suite: str) -> set[str]:
        """The present verdicts on a suite; none if the service can't be asked."""
        try:
            path = f"{self._path}?suite={quote(suite, safe='')}&last=1"
            body = self._connections.call("GET", path, timeout=self._timeout).json()
        except CallFailed as error:
            warn("verdicts", f"there is no verdict: {error}")
            return set()
        return {verdict["verdict"] for of_suite in body["suites"] for verdict in of_suite["verdicts"]}
