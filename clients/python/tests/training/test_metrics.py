"""Figures are found under the names that Trainer and TRL give them."""

from stopgate.training.metrics import figures_of, suite_of


def test_one_evaluation_set() -> None:
    metrics = {"eval_exact_match": 0.5, "eval_gen_len": 80.0, "eval_n": 12, "eval_loss": 1.0, "eval_runtime": 2.0}
    assert suite_of(metrics) is None
    assert figures_of(metrics, None) == {"em": 0.5, "tokens_mean": 80.0, "n": 12}


def test_a_named_set_of_grpo() -> None:
    metrics = {
        "eval_gsm8k_runtime": 2.0, "eval_rewards/exact_match/mean": 0.25, "eval_completions/mean_length": 9.5,
        "eval_completions/clipped_ratio": None,
    }  # fmt: skip
    assert suite_of(metrics) == "gsm8k"
    assert figures_of(metrics, "gsm8k") == {"em": 0.25, "tokens_mean": 9.5}


def test_a_set_with_an_underscore() -> None:
    metrics = {"eval_math_500_runtime": 1.0, "eval_math_500_exact_match": float("nan"), "eval_math_500_tokens_mean": 5}
    assert suite_of(metrics) == "math_500"
    assert figures_of(metrics, "math_500") == {"tokens_mean": 5.0}
