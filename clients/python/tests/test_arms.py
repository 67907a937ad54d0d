"""The figures of control and treated rollouts, and their reports to a training run."""

from typing import Any

import pytest

from conftest import Service
from stopgate import Client
from stopgate._arms import ArmReports, Sample, figures_of
from stopgate._http import Endpoint
from stopgate.generation import Arm
from stopgate.training import Run


def group(
    name: str, arm: Arm, share: float | None, rewards: "list[float | None]", task: str = "a", tokens: int = 8
) -> list[Sample]:
    """A group of rollouts with these rewards."""
    context = {"model": "q", "task": task, "level": "1"}
    return [Sample(arm, name, context, share, reward, tokens, arm == "treated") for reward in rewards]


def drawn(name: str, share: float, prompts: int, reward: float, tokens: int) -> list[Sample]:
    """As many groups in each arm as the share says, which stopping costs nothing."""
    control = round(share * prompts)
    samples: list[Sample] = []
    for place in range(prompts):
        arm: Arm = "control" if place < control else "treated"
        samples += group(f"{name}{place}", arm, share, [reward, reward], name, tokens)
    return samples


def test_contexts_with_other_control_shares_do_not_set_the_arms_apart() -> None:
    samples = drawn("follow", 0.2, 50, 1.0, 60) + drawn("add", 0.5, 50, 0.9, 100)
    for arm in ("control", "treated"):
        seen = figures_of(arm, samples)
        assert seen is not None
        assert seen.reward == pytest.approx(0.95) and seen.tokens == pytest.approx(80)
    told = [figures_of(arm, samples) for arm in ("control", "treated")]
    assert [one.n for one in told if one is not None] == [2 * (10 + 25), 2 * (40 + 25)]
    assert [one.stopped for one in told if one is not None] == [0, 1]


def test_what_can_only_be_control_is_left_out_once_others_may_be_treated() -> None:
    learning = group("1", "control", 1.0, [0.0, 0.0])
    alone = figures_of("control", learning)
    assert alone is not None and alone.reward == 0 and figures_of("treated", learning) is None
    both = figures_of("control", [*learning, *group("2", "control", 0.5, [1.0, 1.0])])
    assert both is not None and both.reward == 1


def test_the_standard_error_is_that_of_the_means_of_groups() -> None:
    samples = [*group("1", "control", 0.5, [1.0, 0.0]), *group("2", "control", 0.5, [1.0, 1.0])]
    seen = figures_of("control", samples)
    assert seen is not None and seen.stderr == pytest.approx(0.25) and seen.advantage_variance == pytest.approx(0.125)
    one = figures_of("control", samples[:2])
    assert one is not None and one.stderr is None


def test_rollouts_without_an_arm_or_a_reward_do_not_count() -> None:
    missing = group("1", "treated", 0.2, [None, None])
    unasked = [one._replace(arm=None, share=None) for one in group("2", "control", None, [1.0])]
    assert figures_of("treated", [*missing, *unasked]) is None and figures_of("control", unasked) is None
    some = figures_of("treated", [*missing, *group("3", "treated", 0.2, [1.0, None])])
    assert some is not None and (some.n, some.reward) == (1, 1)


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The checkpoints that are reported, which are sent nowhere."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(Run, "report", lambda self, checkpoint: told.append(checkpoint))
    return told


def reports_of(service: Service) -> ArmReports:
    """Reports of every tenth step."""
    with Client(service.url, timeout=30) as client:
        return ArmReports(client, "shared", every=10)


def test_the_first_levels_that_contexts_share_are_reported(service: Service, reported: list[dict[str, Any]]) -> None:
    reports, one = reports_of(service), group("1", "control", 0.5, [1.0])[0]
    reports.add(1, [one])
    reports.add(1, [one])
    reports.add(5, [one])
    reports.add(11, [one._replace(context={"model": "q", "task": "b", "level": "1"})])
    reports.add(21, [one._replace(context={"model": "r"})])
    reports.end()
    assert [(checkpoint["step"], checkpoint["n"]) for checkpoint in reported] == [(1, 2), (11, 2), (21, 1)]
    assert [checkpoint.get("context") for checkpoint in reported] == [one.context, {"model": "q"}, None]


def test_reports_may_have_a_token_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints: list[Endpoint] = []
    monkeypatch.setattr(Run, "__init__", lambda self, endpoint, run, timeout: endpoints.append(endpoint))
    with Client("http://127.0.0.1:1", token="a worker's") as client:
        ArmReports(client, "run", every=10)
        ArmReports(client, "run", every=10, token="a trainer's")
    heads = [one.request("POST", "/").decode() for one in endpoints]
    assert "Bearer a worker's" in heads[0] and "Bearer a trainer's" in heads[1]


def test_the_last_steps_of_a_training_are_reported_and_the_next_training_begins_anew(
    service: Service, reported: list[dict[str, Any]]
) -> None:
    reports, one = reports_of(service), group("1", "control", 0.5, [1.0])
    for step in (1, 2, 3):
        reports.add(step, one)
    reports.end()
    reports.end()
    assert [(checkpoint["step"], checkpoint["n"]) for checkpoint in reported] == [(1, 1), (3, 2)]
    reports.add(1, one)
    reports.add(2, one)
    assert reported[-1]["step"] == 1 and len(reported) == 3
