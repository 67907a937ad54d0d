"""Reads a checkpoint's figures out of the metrics of an evaluation."""

import math
from collections.abc import Mapping
from typing import Any

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


def suite_of(metrics: Mapping[str, Any]) -> str | None:
    """The name of the evaluation set, which Trainer writes into the name of each metric; None: there is only one."""
    for name in metrics:
        if name.startswith("eval_") and name.endswith("_runtime"):
            return name.removeprefix("eval_").removesuffix("runtime").removesuffix("_") or None
    return None


def figures_of(metrics: Mapping[str, Any], suite: str | None) -> dict[str, float]:
    """The figures of an evaluation as a checkpoint has them, without those that are no finite number.

    Args:
        metrics: what Trainer hands to `on_evaluate`.
        suite: as `suite_of` says.
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
