"""Tells the service of each evaluation that a Trainer makes."""

import os
from collections.abc import Collection
from typing import Any

import torch.distributed
from transformers import TrainerCallback

from .._http import Endpoint
from .._telemetry import logger, warn
from ..generation import Context
from .metrics import figures_of, suite_of
from .run import Run


class StopgateCallback(TrainerCallback):
    """Reports the EM and the tokens of each checkpoint that transformers' Trainer or one of TRL's evaluates.

    `compute_metrics` returns `exact_match` and `tokens_mean`; a GRPOTrainer has a reward function named `exact_match`.
    What the service does not take is sent with the next evaluation. Training goes on whatever happens.

    Args:
        run: name of the run.
        url: of the service; None: the environment's STOPGATE_URL, else http://localhost:8080.
        token: bearer token with the role trainer, or operator where `stop_on` is used; None: the environment's
            STOPGATE_TOKEN, else none.
        suite: name of the evaluation set, where Trainer has only one, which has no name.
        context: where this checkpoint is served; None: nowhere.
        stop_on: verdicts on which training ends, such as {"plateau", "overthinking"}. Empty: none ends it.
        timeout: seconds for a call. Each evaluation waits for one, and for a second where `stop_on` is used.
        exit_seconds: seconds that the end of the training may take to report what waits.
    """

    def __init__(
        self,
        run: str,
        *,
        url: str | None = None,
        token: str | None = None,
        suite: str = "eval",
        context: Context | None = None,
        stop_on: Collection[str] = (),
        timeout: float = 5.0,
        exit_seconds: float = 30.0,
    ) -> None:
        url = url or os.environ.get("STOPGATE_URL") or "http://localhost:8080"
        self._run = Run(Endpoint(url, token or os.environ.get("STOPGATE_TOKEN")), run, timeout)
        self._suite, self._context, self._exit_seconds = suite, context, exit_seconds
        self._stop_on = frozenset(stop_on)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """Reports an evaluation, and ends the training where a verdict of `stop_on` was reached."""
        is_reached = False
        if state.is_world_process_zero:
            try:
                is_reached = self._report(state, metrics or {}, kwargs)
            except Exception:  # a training may not fail because it can't be reported
                logger.exception("the evaluation at step %d can't be reported", state.global_step)
        if self._stop_on and _on_all_processes(is_reached):
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reports what waits."""
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
        context = {} if self._context is None else {"context": dict(self._context)}
        is_taken = self._run.report({"step": state.global_step, "suite": suite, **figures, **context})
        reached = self._run.verdicts(suite) & self._stop_on if self._stop_on and is_taken else set()
        if reached:
            logger.warning("training ends at step %d with %s of %s", state.global_step, sorted(reached), suite)
        return bool(reached)


def _questions(dataloader: Any) -> int | None:
    """How many questions the evaluation has; None where it has no length."""
    try:
        return len(dataloader.dataset)
    except (AttributeError, TypeError):
        return None


def _on_all_processes(decision: bool) -> bool:
    """What the main process has decided. If only some processes stopped, the others would wait for them."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return decision
    said = [decision]
    torch.distributed.broadcast_object_list(said, src=0)
    return said[0]
