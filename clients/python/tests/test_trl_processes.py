"""A real GRPOTrainer in two processes, which share the groups of a step, with transformers and with TRL's server mode."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from conftest import ROOT, Service
from test_rollout import stop_treated
from trl_processes import PROCESSES, ROWS, SAMPLES, STEPS
from trl_server import FakeVllm, fake_vllm

SCRIPT = Path(__file__).with_name("trl_processes.py")


class Trained(NamedTuple):
    """What each process of a training wrote, by the name of the training."""

    processes: dict[str, list[dict[str, Any]]]
    server: FakeVllm


@pytest.fixture(scope="module")
def trained(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Both trainings."""
    folder, names = tmp_path_factory.mktemp("trainings"), ("processes", "server")
    for name in names:
        stop_treated(service, name, "tiny")
    path = os.pathsep.join([str(ROOT / "clients/python/src"), str(SCRIPT.parent)])
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    with fake_vllm() as server:
        words = [sys.executable, str(SCRIPT), service.url, str(folder), server.url]
        with subprocess.Popen(words, env=env, start_new_session=True) as program:
            try:
                assert program.wait(300) == 0
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)  # with its processes
    ranks = range(PROCESSES)
    wrote = {name: [json.loads((folder / f"{name}-{rank}.json").read_text()) for rank in ranks] for name in names}
    return Trained(wrote, server)


def check(service: Service, task: str, processes: list[dict[str, Any]]) -> None:
    """Checks the outcomes of a training, and what the service made of them."""
    outcomes = [one for process in processes for one in process["outcomes"]]
    ids = {one["generation_id"] for one in outcomes}
    assert len(ids) == len(outcomes) == PROCESSES * ROWS * STEPS, "each rollout is reported exactly once"
    groups: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for rank, process in enumerate(processes):
        for one in process["outcomes"]:
            groups.setdefault(one["group_id"], []).append((rank, one))
    assert all(len(its) == SAMPLES == one["samples"] for its in groups.values() for _, one in its)
    arms = {group: {one["arm"] for _, one in its} for group, its in groups.items()}
    assert all(len(its) == 1 for its in arms.values()), "a group is in one arm, whichever process asks"
    spread = [its for its in groups.values() if {rank for rank, _ in its} == {0, 1}]
    assert len(spread) == STEPS, "a group of each step is spread over both processes"
    assert any(one["stopped"] for one in outcomes)
    control = [group for group, its in arms.items() if its == {"control"}]
    followed = service.counts(f"model=tiny,task={task}")
    assert (followed["enrolled"], followed["reported"]) == (len(control), SAMPLES * len(control)), "and is one unit"
    assert followed["missing"] == 0
    main, other = [process["checkpoints"] for process in processes]
    assert sum(one["n"] for one in main) == len(outcomes) and not other, "the main process reports those of all"
    assert all(one["n"] % SAMPLES == 0 for one in main)


def completions_by_group(processes: list[dict[str, Any]]) -> list[list[list[int]]]:
    """The completions of each group, in the order of the processes."""
    calls = zip(*(process["rollouts"] for process in processes), strict=True)
    steps = [[tokens for rollout in call for tokens in rollout["completion_ids"]] for call in calls]
    return [step[at : at + SAMPLES] for step in steps for at in range(0, len(step), SAMPLES)]


def test_processes_share_groups(service: Service, trained: Trained) -> None:
    check(service, "processes", trained.processes["processes"])


def test_processes_share_groups_on_a_server(service: Service, trained: Trained) -> None:
    processes, server = trained.processes["server"], trained.server
    assert server.resets >= STEPS, "the trainer has told it of new weights"
    assert server.calls and all(call["logit_bias"] == {} and "seed" not in call for call in server.calls)
    check(service, "server", processes)
    assert all(any(one != its[0] for one in its) for its in completions_by_group(processes)), "samples differ"
    for rollout in [one for process in processes for one in process["rollouts"]]:
        rows = zip(rollout["completion_ids"], rollout["env_mask"], rollout["logprobs"], strict=True)
        for tokens, mask, levels in rows:
            assert len(tokens) == len(mask) == len(levels) <= 40
            assert [level is None for level in levels] == [not kept for kept in mask]
