"""Reports the checkpoints of transformers' Trainer and of TRL: `pip install 'stopgate[training]'`."""

import json
import math
import os
import time
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import torch.distributed
from transformers import TrainerCallback

from ._http import Connections, Endpoint
from ._telemetry import logger, warn
from .errors import CallFailed
from .generation import Context

__all__ = ["StopgateCallback"]

_FIRST_WAIT_SECONDS = 0.5
_FIGURES = {
    "exact_match": "em",
    "em": "em",
    "exact_match_stderr": "em_stderr",
    "em_stderr": "em_stderr",
    "n": "n",
    "tokens_mean": "tokens_mean",
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
        suite: str = "eval",
        context: Context | None = None,
        continues: bool = False,
        stop_on: Collection[str] = (),
        timeout: float = 5.0,
        exit_seconds: float = 30.0,
    ) -> None:
        url = url or os.environ.get("STOPGATE_URL") or "http://localhost:8080"
        self._run = Run(Endpoint(url, token or os.environ.get("STOPGATE_TOKEN")), run, timeout)
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
        if self._stop_on and _on_all_processes(is_reached):
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reports the checkpoints that wait."""
        if state.is_world_process_zero and not self._run.send_until(self._exit_seconds):
            warn("checkpoints left", "some checkpoints were not reported before the end of the training")

    def _report(self, state: Any, metrics: dict[str, Any], kwargs: dict[str, Any]) -> bool:
        """Returns whether a verdict of `stop_on` was reached."""
        named = suite_of(metrics)
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


def _on_all_processes(decision: bool) -> bool:
    """The decision of the main process. If only some processes stopped, the others would wait for them."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return decision
    said = [decision]
    torch.distributed.broadcast_object_list(said, src=0)
    return said[0]


def suite_of(metrics: Mapping[str, Any]) -> str | None:
    """The name of the evaluation set, which Trainer writes into the name of each metric; None: there is only one."""
    for name in metrics:
        if name.startswith("eval_") and name.endswith("_runtime"):
            return name.removeprefix("eval_").removesuffix("runtime").removesuffix("_") or None
    return None


def figures_of(metrics: Mapping[str, Any], suite: str | None) -> dict[str, float]:
    """The figures of an evaluation as a checkpoint has them, without those that are not finite numbers.

    Args:
        metrics: as Trainer passes them to `on_evaluate`.
        suite: as `suite_of` returns it.
    """
    prefix = "eval_" if suite is None else f"eval_{suite}_"
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
