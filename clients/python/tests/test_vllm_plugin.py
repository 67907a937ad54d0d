"""The plug-in of vLLM's server: requests that are not stopped equal the engine's own."""

import asyncio
from typing import Any

import pytest

from conftest import Service
from fake_vllm import END_THINK, FakeEngine, RequestOutputKind
from stopgate._answers import EndTrial
from stopgate._outcome import outcome_of
from stopgate.generation import Ending, Generation
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


@pytest.mark.parametrize("kind", [STREAMED, IN_ONE])
@pytest.mark.parametrize("fields", [{}, {"n": 3, "seed": 7}, {"logprobs": 1}, {"max_tokens": 40}])
def test_a_control_request_is_that_of_the_engine(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: RequestOutputKind, fields: "dict[str, Any]"
) -> None:
    arm_is(monkeypatch, "control")
    task = f"plug-control-{kind.value}-{len(fields)}-{[*fields][:1]}".replace("'", "").replace("[", "").replace("]", "")
    prepare(service, task, 0.0)

    async def test(engine: FakeEngine, server: Server) -> None:
        alone = await said(FakeEngine().generate(PROMPT, wanting(kind, **fields), "r"))
        held(engine, server)
        with requesting(task) as exchange:
            assert await said(server(PROMPT, wanting(kind, **fields), "r", priority=0)) == alone
        assert [one["arm"] for one in exchange.fields] == ["control"] * fields.get("n", 1)
        assert not any(request.is_aborted for id, request in engine.requests.items() if "-probe-" not in id)
        assert all(request.prompt[:2] == PROMPT["prompt_token_ids"][:2] for request in engine.requests.values())
        assert [id for id in engine.requests if "-probe-" in id], "its steps are evidence"

    play(service, task, test)


@pytest.mark.parametrize("kind", [STREAMED, IN_ONE])
def test_a_treated_request_is_stopped_and_answers(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: RequestOutputKind
) -> None:
    arm_is(monkeypatch, "treated")
    task = f"plug-treated-{kind.value}"
    prepare(service, task, 0.9)
    outcomes: list[dict[str, Any]] = []

    def reported(run: Generation, end: Ending) -> "dict[str, Any]":
        outcomes.append(outcome_of(run, end))
        return outcomes[-1]

    monkeypatch.setattr("stopgate._session.outcome_of", reported)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting(task, gold="42") as exchange:
            [one] = await said(server(PROMPT, wanting(kind, logprobs=1, thinking_token_budget=300), "r", priority=3))
        shown = one["tokens"].index(END_THINK) - 1
        assert shown == 32 if kind == IN_ONE else shown >= 32
        assert one["tokens"] == [*WHOLE[:shown], *CLOSE, *ANSWER] and one["reason"] == "stop"
        assert one["text"] == f"{FakeEngine.reasoning[:shown]}\n\n\n{FakeEngine.answer}", "without special tokens"
        assert len(one["logprobs"]) == len(one["tokens"]) and one["logprobs"][shown + 1] == {END_THINK: 0.0}
        assert one["prompt"] == PROMPT["prompt_token_ids"] and one["id"] == "r"
        answer = engine.requests["r-answer"]
        assert answer.prompt == [*PROMPT["prompt_token_ids"], *WHOLE[:32], *CLOSE], "from what the probe saw"
        assert answer.params.max_tokens == 400 - shown - len(CLOSE) and answer.params.thinking_token_budget is None
        assert engine.requests["r"].is_aborted
        [field] = exchange.fields
        assert field["stopped"] and field["threshold"] == 0.9 and field["generation_id"] == exchange.id
        await server.settle()
        [outcome] = outcomes
        assert outcome["stopped"] and outcome["stopped_probe"] == {"tokens": 32, "answer": "42"}
        assert outcome["answer"] == "42" and outcome["reference"] == ["42"] and outcome["tokens"] == field["tokens"]

    play(service, task, test, confidence=lambda tokens: 0.95 if tokens >= 32 else 0.1)


@pytest.mark.parametrize("kind", [STREAMED, IN_ONE])
def test_samples_are_one_group_of_which_each_is_stopped_by_itself(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: RequestOutputKind
) -> None:
    arm_is(monkeypatch, "treated")
    task = f"plug-samples-{kind.value}"
    prepare(service, task, 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting(task) as exchange:
            samples = await said(server(PROMPT, wanting(kind, n=3, seed=7), "r"))
        assert [one["tokens"][-len(ANSWER) :] for one in samples] == [ANSWER] * 3, "and not what a seed writes in full"
        ids = [exchange.id, *(f"{exchange.id}-{i}" for i in (1, 2))]
        assert [(one["generation_id"], one["threshold"]) for one in exchange.fields] == [(id, 0.9) for id in ids]
        assert [engine.requests[f"{i}_r-answer"].params.seed for i in range(3)] == [7, 8, 9]

    play(service, task, test, confidence=lambda tokens: 0.95)


@pytest.mark.parametrize("arm", ["control", "treated"])
def test_checks_are_where_they_are_due_however_many_tokens_come_at_once(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, arm: str
) -> None:
    arm_is(monkeypatch, arm)
    prepare(service, f"plug-at-once-{arm}", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        with requesting(f"plug-at-once-{arm}"):
            [one] = await said(server(PROMPT, wanting(STREAMED), "r"))
        await server.settle()
        assert one["tokens"] == WHOLE and "late" not in caplog.text and "faults" not in server.counts.all()
        assert {f"{id.rpartition('-')[2]}" for id in engine.requests if "-probe-" in id} >= {"16"}

    play(service, f"plug-at-once-{arm}", test, size=lambda: 7, turns=lambda id: 1 if "-" in id else 20)


def test_a_client_that_goes_away_is_reported_and_ends_its_requests(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-gone", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting("plug-gone") as exchange:
            outputs = server(PROMPT, wanting(STREAMED), "r")
            for _ in range(40):
                await anext(outputs)
            exchange.received({"type": "http.disconnect"})
            await outputs.aclose()
        await server.settle()
        assert engine.requests["r"].is_aborted and engine.running == 0
        assert server.counts.all()["generations control cancelled"] == 1
        assert server.client.flush(30) and server.client.counters.reported == 1

    play(service, "plug-gone", test)


@pytest.mark.parametrize("arm", ["control", "treated"])
@pytest.mark.parametrize("fate", ["late", "waiting", "gone"])
def test_a_generation_is_reported_though_no_check_of_it_has_ended(
    service: Service, monkeypatch: pytest.MonkeyPatch, arm: str, fate: str
) -> None:
    task = f"plug-unchecked-{arm}-{fate}"
    monkeypatch.setattr("stopgate.vllm_plugin.checks.COMPLETE_SECONDS", 0.1)
    arm_is(monkeypatch, arm)
    prepare(service, task, 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        server.seats.most_probes = 0 if fate == "waiting" else 8
        with requesting(task) as exchange:
            outputs = server(PROMPT, wanting(STREAMED), "r")
            for _ in range(40):
                await anext(outputs)
            if fate == "gone":
                exchange.received({"type": "http.disconnect"})
                await outputs.aclose()
            else:
                await said(outputs)
        await server.settle()
        assert server.counts.all()[f"generations {arm} {'cancelled' if fate == 'gone' else 'finished'}"] == 1
        assert server.client.flush(30) and server.client.counters.reported == 1, "the service has enrolled it"

    play(service, task, test, turns=lambda id: 1_000_000 if "-probe-" in id else 1)


def test_probes_leave_room_for_users(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-seats", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        server.seats.most_probes = 2
        probes = [0]

        def turns(id: str) -> int:
            probes.append(sum("-probe-" in one and not request.is_over for one, request in engine.requests.items()))
            return 20 if "-probe-" in id else 1

        engine._turns = turns

        async def one(number: int) -> None:
            with requesting("plug-seats"):
                await said(server(PROMPT, wanting(STREAMED), f"r{number}"))

        await asyncio.gather(*map(one, range(12)))
        await server.settle()
        assert max(probes) == 2 and server.counts.all()["probes ok"] == 12 * 5, "control ones wait, and are all made"

    play(service, "plug-seats", test)


def test_the_search_of_the_form_leaves_room_for_users(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(service, "plug-search", 0.9, has_form=False)

    async def test(engine: FakeEngine, server: Server) -> None:
        server.seats.most_probes = 2
        most = [0]

        def turns(id: str) -> int:
            most.append(sum(id[0] != "r" and not one.is_over for id, one in engine.requests.items()))
            return 1 if id[0] == "r" else 20

        engine._turns = turns

        async def one(number: int) -> None:
            with requesting("plug-search"):
                await said(server(PROMPT, wanting(STREAMED), f"r{number}"))

        await asyncio.gather(*map(one, range(8)))
        await server.settle()
        assert 1 <= max(most) <= 2 and server.seats.taken == (0, 0, 0)

    play(service, "plug-search", test, has_form=False)


@pytest.mark.parametrize("has_priorities", [False, True])
def test_probes_and_answers_come_before_requests_that_wait(
    service: Service, monkeypatch: pytest.MonkeyPatch, has_priorities: bool
) -> None:
    arm_is(monkeypatch, "treated")
    task = f"plug-priority-{has_priorities}"
    prepare(service, task, 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting(task):
            await said(server(PROMPT, wanting(STREAMED), "r", priority=3))
            await said(server(PROMPT, wanting(STREAMED), "s"))
        of = {id: request.options.get("priority") for id, request in engine.requests.items()}
        probes = [priority for id, priority in of.items() if "-probe-" in id]
        assert (of["r"], of["r-answer"], of["s"]) == (3, 2 if has_priorities else 3, None), "lower ones come first"
        assert probes == ([2, -1] if has_priorities else [3, None])
        assert of["s-answer"] == (-1 if has_priorities else None)

    play(service, task, test, {"has_priorities": has_priorities}, confidence=lambda tokens: 0.95)


@pytest.mark.parametrize("arm", ["control", "treated"])
def test_each_chat_of_a_batch_is_a_generation_of_its_own(
    service: Service, monkeypatch: pytest.MonkeyPatch, arm: str
) -> None:
    arm_is(monkeypatch, arm)
    task, path = f"plug-batch-{arm}", "/v1/chat/completions/batch"
    prepare(service, task, 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        outcomes: list[dict[str, Any]] = []

        def reported(run: Generation, end: Ending) -> "dict[str, Any]":
            outcomes.append(outcome_of(run, end))
            return outcomes[-1]

        monkeypatch.setattr("stopgate._session.outcome_of", reported)
        body = {"messages": [[{"role": "user", "content": text}] for text in "abc"]}
        with requesting(task, body, path, gold="42") as exchange:
            chats = [said(server(PROMPT, wanting(IN_ONE), f"r{number}")) for number in range(3)]
            replies = [one for [one] in await asyncio.gather(*chats)]
        await server.settle()
        alone = (WHOLE, [*WHOLE[:16], *CLOSE, *ANSWER])[arm == "treated"]
        assert [one["tokens"] for one in replies] == [alone] * 3
        ids = [exchange.id, f"{exchange.id}-1", f"{exchange.id}-2"]
        assert [field["generation_id"] for field in exchange.fields] == ids
        assert server.counts.all()[f"requests {path}"] == 3
        assert len(outcomes) == 3 and not any("reference" in one or "group_id" in one for one in outcomes)

    play(service, task, test, confidence=lambda tokens: 0.95)


@pytest.mark.parametrize("keeps_seeds", [False, True])
def test_the_search_of_the_form_asks_again_for_one_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch, keeps_seeds: bool
) -> None:
    task = f"plug-again-{keeps_seeds}"
    prepare(service, task, 0.9, has_form=False)

    async def test(engine: FakeEngine, server: Server) -> None:
        trials: list[EndTrial] = []
        monkeypatch.setattr(server.client.forms, "tried", lambda run, trial, most: trials.append(trial))
        with requesting(task):
            await said(server(PROMPT, wanting(STREAMED, n=2, seed=7), "r"))
        await server.settle()
        assert len(trials) == 2
        again = [one.params for id, one in engine.requests.items() if id.endswith("-again")]
        assert [params.n for params in again] == [1, 1]
        beside = [one.params for id, one in engine.requests.items() if not id.endswith("r")]
        assert all((params.seed is not None) == keeps_seeds for params in beside), "a CPU would ignore the user's seed"
        assert not keeps_seeds or len({params.seed for params in again} - {0, 7, 8}) == 2
        decoded = sum(len(one.said) for id, one in engine.requests.items() if not id.endswith("r"))
        assert server.counts.all()["probe_tokens"] == decoded == server.client.counters.probe_tokens > 0

    play(service, task, test, {"keeps_seeds": keeps_seeds}, has_form=False)
