"""The checks beside a reasoning in vLLM: the probed answer is served."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import Service
from fake_vllm import FakeEngine, Letters
from stopgate._outcome import outcome_of
from stopgate.generation import Ending, Generation
from stopgate.vllm_plugin.engine import must_keep_seeds
from stopgate.vllm_plugin.serving import Server
from vllm_server import (
    ANSWER,
    CLOSE,
    IN_ONE,
    PROMPT,
    STREAMED,
    WHOLE,
    arm_is,
    held,
    play,
    prepare,
    requesting,
    said,
    wanting,
)

IDS: "list[int]" = PROMPT["prompt_token_ids"]  # type: ignore[assignment]
ASK = [*CLOSE, *Letters().encode("Final answer:")]


def recording(monkeypatch: pytest.MonkeyPatch) -> "tuple[list[Generation], list[dict[str, Any]]]":
    """The generations that are reported, and their outcomes."""
    runs: list[Generation] = []
    outcomes: list[dict[str, Any]] = []

    def reported(run: Generation, end: Ending) -> "dict[str, Any]":
        runs.append(run)
        outcomes.append(outcome_of(run, end))
        return outcomes[-1]

    monkeypatch.setattr("stopgate._session.outcome_of", reported)
    return runs, outcomes


def test_a_control_request_is_probed_at_each_check_from_the_cache(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-checks", 0.0)
    runs, _ = recording(monkeypatch)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting("plug-checks", gold="42"):
            await said(server(PROMPT, wanting(STREAMED), "r"))
        await server.settle()
        [run] = runs
        assert [step.tokens for step in run.steps] == [16, 32, 48, 64, 80]
        assert all(step.answer == "42" and 0.4 < (step.confidence or 0) < 0.6 for step in run.steps)
        probes = [request for id, request in engine.requests.items() if "-probe-" in id]
        assert all(len(probe.said) == 4 for probe in probes), "a probe ends with its line"
        assert all(step.prefill_tokens < 30 for step in run.steps), "its prefix is in the cache"

    play(service, "plug-checks", test)


def test_the_answer_follows_exactly_the_prefix_that_was_probed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tokens come at once, and while the probe and the decision are under way."""
    arm_is(monkeypatch, "treated")
    prepare(service, "plug-prefix", 0.9)
    runs, outcomes = recording(monkeypatch)
    random = Random(1)
    seen = {"stopped": 0, "discarded": 0}

    async def test(engine: FakeEngine, server: Server) -> None:
        for number in range(100):
            id, sure, slow = f"r{number}", random.choice([1, 20, 40, 60]), random.randint(1, 12)
            engine._confidence = lambda tokens, sure=sure: 0.95 if tokens >= sure else 0.1  # type: ignore[misc]
            engine._turns = lambda id, slow=slow: random.randint(0, slow if "-probe-" in id else 2)  # type: ignore[misc]
            runs.clear()
            with requesting("plug-prefix"):
                [one] = await said(server(PROMPT, wanting(IN_ONE, logprobs=0), id))
            await server.settle()
            if not runs:
                continue  # its reasoning ended before its first check
            [run], outcome = runs, outcomes[-1]
            if not run.stopped:
                assert one["tokens"] == WHOLE and outcome["tokens"] == len(WHOLE) and "stopped_probe" not in outcome
                continue
            at = run.steps[-1].tokens
            discarded = len(engine.requests[id].said) - at
            answer = engine.requests[f"{id}-answer"]
            assert at % 16 == 0 and engine.requests[id].is_aborted
            assert engine.requests[f"{run.id}-probe-{at}"].prompt == [*IDS, *WHOLE[:at], *ASK]
            assert answer.prompt == [*IDS, *WHOLE[:at], *CLOSE]
            assert answer.params.max_tokens == 400 - at - len(CLOSE)
            assert one["tokens"] == [*WHOLE[:at], *CLOSE, *ANSWER] and len(one["logprobs"]) == len(one["tokens"])
            assert outcome["stopped_probe"] == {"tokens": at, "answer": "42"}
            assert outcome["tokens"] == len(one["tokens"]) + discarded
            assert outcome["answer_tokens"] == len(one["tokens"]) - at
            seen["stopped"] += 1
            seen["discarded"] += discarded
        assert engine.running == 0

    play(service, "plug-prefix", test, size=lambda: random.randint(1, 6))
    assert seen["stopped"] > 30 and seen["discarded"] > 0


@pytest.mark.parametrize("arm", ["control", "treated"])
def test_a_probe_still_under_way_when_the_reasoning_ends_counts_and_stops_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, arm: str
) -> None:
    arm_is(monkeypatch, arm)
    prepare(service, f"plug-late-{arm}", 0.9)
    monkeypatch.setattr("stopgate.vllm_plugin.checks.COMPLETE_SECONDS", 0.1)
    runs, _ = recording(monkeypatch)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        waits = engine._hold

        def hold(id: str, tokens: int) -> bool:
            """The second probe never gets past two tokens. Its reasoning waits until it has got there."""
            if id.endswith("-probe-32"):
                return tokens == 2
            if tokens < 32 or "-probe-" in id:
                return waits(id, tokens)
            probe = next((one for name, one in engine.requests.items() if name.endswith("-probe-32")), None)
            return tokens == 60 and (probe is None or len(probe.said) < 2)

        engine._hold = hold
        with requesting(f"plug-late-{arm}"):
            [one] = await said(server(PROMPT, wanting(STREAMED), "r"))
        await server.settle()
        [run] = runs
        assert one["tokens"] == WHOLE and not run.stopped
        assert all(request.is_aborted for id, request in engine.requests.items() if id.endswith("-probe-32"))
        assert [(step.tokens, step.probe_tokens) for step in run.steps] == [(16, 4), (32, 2)]

    play(service, f"plug-late-{arm}", test, confidence=lambda tokens: 0.95 if tokens >= 32 else 0.1)


def test_a_control_request_is_probed_at_all_checks_though_its_reasoning_has_ended(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-behind", 0.9)
    runs, _ = recording(monkeypatch)

    async def test(engine: FakeEngine, server: Server) -> None:
        engine._hold = lambda id, tokens: "-probe-" in id and not engine.requests["r"].is_over
        with requesting("plug-behind"):
            [one] = await said(server(PROMPT, wanting(STREAMED), "r"))
        await server.settle()
        assert one["tokens"] == WHOLE
        assert [(step.tokens, step.answer) for step in runs[0].steps] == [(at, "42") for at in (16, 32, 48, 64, 80)]

    play(service, "plug-behind", test)


def test_without_probes_a_request_is_whole(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, "plug-unprobed", 0.0)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting("plug-unprobed"):
            [one] = await said(server(PROMPT, wanting(STREAMED), "r"))
        assert one["tokens"] == WHOLE and any("-probe-" in id for id in engine.requests)

    play(service, "plug-unprobed", test, confidence=lambda tokens: 0.99, fail=lambda id: "-probe-" in id)


@pytest.mark.parametrize("keeps_seeds", [False, True])
def test_a_greedy_probe_has_a_seed_where_one_without_would_spoil_others(
    service: Service, monkeypatch: pytest.MonkeyPatch, keeps_seeds: bool
) -> None:
    arm_is(monkeypatch, "control")
    task = f"plug-seeds-{keeps_seeds}"
    prepare(service, task, 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting(task):
            await said(server(PROMPT, wanting(STREAMED, temperature=0), "r"))
        probes = [request.params for id, request in engine.requests.items() if "-probe-" in id]
        wanted = (1, 0, 1) if keeps_seeds else (0, None, 0)
        assert [(one.temperature, one.seed, one.top_k) for one in probes] == [wanted] * 5

    play(service, task, test, {"keeps_seeds": keeps_seeds})


def test_a_cpu_keeps_seeds_but_with_speculative_decoding() -> None:
    def keeps(device: str, speculative: Any = None) -> bool:
        config = SimpleNamespace(device_config=SimpleNamespace(device_type=device), speculative_config=speculative)
        return must_keep_seeds(config)

    assert keeps("cpu") and not keeps("cuda")
    assert not keeps("cpu", {"method": "ngram"}), "any request with top_k would end the engine"
