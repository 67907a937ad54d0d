"""Requests that the plug-in cannot serve, or in which it fails, are served by vLLM alone."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import ROOT, Service
from fake_vllm import FakeEngine, Letters, RequestOutputKind, SamplingParams
from stopgate import AsyncClient
from stopgate.generation import Generation
from stopgate.reasoning import Row
from stopgate.vllm_plugin import Plugin, _noting_shutdown, problem_of
from stopgate.vllm_plugin.call import Call
from stopgate.vllm_plugin.exchange import Exchange
from stopgate.vllm_plugin.following import Follower
from stopgate.vllm_plugin.outputs import Folded
from stopgate.vllm_plugin.serving import Server
from vllm_server import (
    ANSWER,
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
    serving,
    wanting,
)


def raising(*args: Any, **options: Any) -> Any:
    raise ZeroDivisionError("a fault of ours")


CALLS_INTO_US = [
    (Server, "_begin"), (Server, "_call"), (Exchange, "stated"), (Exchange, "next_id"), (AsyncClient, "generation"),
    (AsyncClient, "check"), (Call, "_run"), (Follower, "__init__"), (Follower, "_read"), (Follower, "_tell"),
    (Follower, "_has_room"), (Follower, "stop"), (Follower, "_decode"), (Follower, "_end"), (Row, "add"), (Row, "close"),
    (Row, "observe"), (Row, "finish"), (Generation, "due"), (Generation, "observe"), (Generation, "begin"),
    (Generation, "mark_prompt"), (Folded, "add"), (Folded, "cut"), (Folded, "whole"), (Letters, "decode"),
    (Letters, "encode"),
]  # fmt: skip


class RequestOutput:
    def __init__(
        self, request_id: Any, prompt: Any, prompt_token_ids: Any, outputs: Any, finished: Any, num_cached_tokens: Any
    ) -> None: ...


class CompletionOutput:
    def __init__(
        self, index: Any, text: Any, token_ids: Any, cumulative_logprob: Any, logprobs: Any, finish_reason: Any,
        stop_reason: Any,
    ) -> None: ...  # fmt: skip


class OldOutput:
    def __init__(self, request_id: Any) -> None: ...


def vllm_is(monkeypatch: pytest.MonkeyPatch, version: str, **outputs: type) -> None:
    """Has a vLLM of this version."""
    kinds: dict[str, type] = {"RequestOutput": RequestOutput, "CompletionOutput": CompletionOutput, **outputs}
    vllm = SimpleNamespace(SamplingParams=SamplingParams, __version__=version)
    monkeypatch.setitem(sys.modules, "vllm", vllm)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "vllm.outputs", SimpleNamespace(**kinds))  # type: ignore[arg-type]


def test_an_answer_that_the_engine_refuses_leaves_the_reasoning_going_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, "plug-refused", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        for kind in (STREAMED, IN_ONE):
            with requesting("plug-refused"):
                [one] = await said(server(PROMPT, wanting(kind), f"r{kind.value}"))
            assert one["tokens"] == WHOLE
        assert server.counts.all()["failed_stops"] == 2

    play(service, "plug-refused", test, confidence=lambda tokens: 0.95, fail=lambda id: id.endswith("-answer"))


@pytest.mark.parametrize("kind", [STREAMED, IN_ONE])
def test_a_fault_anywhere_leaves_the_request_to_vllm(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: RequestOutputKind
) -> None:
    arm_is(monkeypatch, "treated")
    task = f"plug-faults-{kind.value}"
    prepare(service, task, 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        # A probe that fails is left out, and only a request that is not streamed is put together.
        uncounted = {"observe", "decode", *(() if kind == IN_ONE else ("add", "cut", "whole"))}
        for number, (owner, name) in enumerate(CALLS_INTO_US):
            id, faults = f"r{number}", server.counts.all().get("faults", 0)
            with monkeypatch.context() as patch, requesting(task):
                engine._hold = lambda id, tokens: False
                if owner is Letters:  # the engine has its own
                    broken = Letters()
                    patch.setattr(server, "tokenizer", broken)
                    patch.setattr(broken, name, raising)
                else:
                    patch.setattr(owner, name, raising)
                [one] = await said(server(PROMPT, wanting(kind, logprobs=1), id))
                await server.settle()
            assert sum(one.startswith(id) and "-probe-" in one for one in engine.requests) <= 6, (owner, name)
            assert server.counts.all().get("faults", 0) > faults or name in uncounted, (owner, name)
            text = Letters().decode(one["tokens"])
            assert text.startswith(FakeEngine.reasoning[:16]) and text.endswith("nothing more</s>"), (owner, name)
            assert one["reason"] == "stop" and len(one["logprobs"]) == len(one["tokens"]), (owner, name)

    play(service, task, test, confidence=lambda tokens: 0.95, turns=lambda id: 1 if "-" in id else 40)


def test_a_server_that_shuts_down_stops_no_more_reasoning(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, "fault-shutdown", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        with requesting("fault-shutdown"):
            outputs = server(PROMPT, wanting(STREAMED), "r")
            tokens = [token for _ in range(10) for token in (await anext(outputs)).outputs[0].token_ids]
            shut_down = _noting_shutdown(lambda timeout: f"within {timeout} s", server)
            assert shut_down(timeout=30) == "within 30 s"
            [one] = await said(outputs)
        await server.settle()
        assert tokens + one["tokens"] == WHOLE and [*engine.requests] == ["r"], "the engine refuses new requests"
        assert "faults" not in server.counts.all()

    play(service, "fault-shutdown", test, confidence=lambda tokens: 0.95)


def test_a_fault_of_the_engine_is_passed_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(service, "plug-dead", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        for kind in (STREAMED, IN_ONE):
            for n in (1, 2):
                with requesting("plug-dead"), pytest.raises(RuntimeError, match="the engine is dead"):
                    await said(server(PROMPT, wanting(kind, n=n), f"r{kind.value}{n}"))
        assert "faults" not in server.counts.all()

    play(service, "plug-dead", test, fail=lambda id: True)


class FailedError(Exception):
    """The server's own."""


async def served(outputs: "AsyncGenerator[Any, None]") -> None:
    """Reads outputs as vLLM's server does, which gives up a request at an output with an error."""
    async with aclosing(outputs):
        async for output in outputs:
            if any(one.finish_reason == "error" for one in output.outputs):
                raise FailedError


@pytest.mark.parametrize("kind", [STREAMED, IN_ONE])
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("fate", ["raises", "error", "abort", "given up", "disconnected"])
def test_only_a_client_that_went_away_has_cancelled(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: RequestOutputKind, n: int, fate: str
) -> None:
    """Any other generation that does not end stays missing, since failures may go with difficulty."""
    arm_is(monkeypatch, "control")
    task = f"plug-fate-{kind.value}-{n}-{fate.replace(' ', '')}"
    prepare(service, task, 0.9)
    last = "r" if n == 1 else f"{n - 1}_r"

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        own = engine._tokens

        async def tokens(request: Any, id: str, seed: Any) -> Any:
            async for place in own(request, id, seed):
                is_here = id == last and len(request.said) == 40
                if is_here and fate == "raises":
                    raise RuntimeError("the engine is dead")
                yield (*place[:2], fate) if is_here and fate in ("error", "abort") else place
                if is_here and fate in ("error", "abort"):
                    return
                while is_here:
                    await asyncio.sleep(0.001)

        engine._tokens = tokens  # type: ignore[method-assign]
        with requesting(task) as exchange:
            serving = asyncio.ensure_future(served(server(PROMPT, wanting(kind, n=n), "r")))
            if fate in ("given up", "disconnected"):
                while len(getattr(engine.requests.get(last), "said", ())) < 40:
                    await asyncio.sleep(0.001)
                if fate == "disconnected":
                    exchange.received({"type": "http.disconnect"})
                serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        await server.settle()
        ends = {name.split()[2]: count for name, count in server.counts.all().items() if name.startswith("generations")}
        assert sum(ends.values()) == n and ("cancelled" in ends) == (fate == "disconnected"), ends
        assert ends.get("failed", 0) >= (fate != "disconnected")
        reported = n - ends.get("failed", 0)
        assert server.client.flush(30) and server.client.counters.reported == reported
        assert engine.running == 0 and "faults" not in server.counts.all()

    play(service, task, test)


@pytest.mark.parametrize("name", ["add", "whole"])
def test_a_sample_that_starts_again_is_not_reported(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, f"plug-restart-{name}", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        monkeypatch.setattr(Folded, name, raising)
        with requesting(f"plug-restart-{name}") as exchange:
            [one] = await said(server(PROMPT, wanting(IN_ONE), "r"))
        await server.settle()
        assert one["tokens"] == WHOLE and exchange.fields == []
        assert [name for name in server.counts.all() if name.startswith("generations")] in (
            ["generations none failed"], ["generations treated failed"],
        )  # fmt: skip
        assert server.client.flush(30) and server.client.counters.reported == 0

    play(service, f"plug-restart-{name}", test, confidence=lambda tokens: 0.95)


@pytest.mark.parametrize(
    ("cause", "prompt", "fields", "options"),
    [
        ("prompt", "a text", {}, {}),
        ("multimodal", {**PROMPT, "type": "multimodal"}, {}, {}),
        ("output_kind", PROMPT, {"output_kind": RequestOutputKind.CUMULATIVE}, {}),
        ("no_text", PROMPT, {"detokenize": False}, {}),
        ("prompt_logprobs", PROMPT, {"prompt_logprobs": 1}, {}),
        ("logprobs", PROMPT, {"flat_logprobs": True}, {}),
        ("kv_transfer", PROMPT, {"extra_args": {"kv_transfer_params": {}}}, {}),
        ("structured_output", PROMPT, {"structured_outputs": object()}, {"reasoning_ended": True}),
        ("off", PROMPT, {"extra_args": {"stopgate": "off"}}, {}),
        ("header", PROMPT, {"extra_args": {"stopgate_context": "no level"}}, {}),
    ],
)
def test_a_request_that_cannot_be_served_passes_with_its_cause(
    service: Service, cause: str, prompt: Any, fields: "dict[str, Any]", options: "dict[str, Any]"
) -> None:
    prepare(service, "plug-passes", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        seen: list[Any] = []

        def own(*args: Any, **more: Any) -> Any:
            seen.append((args, more))
            return seen

        server.generate = own
        params = wanting(STREAMED, **fields)
        with requesting("plug-passes"):
            passed: Any = server(prompt, params, "r", **options)
            assert passed is seen
        assert seen == [((prompt, params, "r"), options)]
        assert server.counts.all() == {f"passed {cause}": 1}

    play(service, "plug-passes", test)


def test_a_model_that_does_not_reason_is_counted_and_not_probed(service: Service) -> None:
    prepare(service, "plug-absent", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        prompt = {**PROMPT, "prompt_token_ids": Letters().encode("six times seven > ")}
        with requesting("plug-absent"):
            [one] = await said(server(prompt, wanting(IN_ONE), "r"))
        assert one["tokens"][-len(ANSWER) :] == ANSWER and [*engine.requests] == ["r"]
        assert server.counts.all()["passed no_reasoning"] == 1

    play(service, "plug-absent", test)


def test_the_outage_of_the_service_passes_everything(service: Service) -> None:
    async def playing() -> None:
        client = AsyncClient("http://127.0.0.1:9", local=True)
        engine = FakeEngine()
        server = serving(engine, client)
        with requesting("any"):
            [one] = await said(server(PROMPT, wanting(STREAMED), "r"))
        assert one["tokens"] == WHOLE and server.counts.all() == {"passed service_away": 1}
        client.close(0)

    asyncio.run(playing())


def test_an_unknown_version_is_checked_for_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = SimpleNamespace(generate=lambda prompt, sampling_params, request_id: None)
    vllm_is(monkeypatch, "0.28.0+cpu")
    assert problem_of(engine) is None and caplog.text == ""
    vllm_is(monkeypatch, "9.0")
    assert problem_of(engine) is None and "tested with vLLM 0.28.0, 0.32.0, and this is 9.0" in caplog.text
    vllm_is(monkeypatch, "9.0", RequestOutput=OldOutput)
    assert "OldOutput.outputs" in str(problem_of(engine))
    assert "request_id" in str(problem_of(SimpleNamespace(generate=lambda prompt, sampling_params: None)))
    assert problem_of(None) == "this server has no engine"


def test_a_plugin_that_can_not_start_leaves_the_server_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    vllm_is(monkeypatch, "0.28.0")
    plugin, engine = Plugin(), SimpleNamespace(generate=lambda prompt, sampling_params, request_id: "its own")
    own = engine.generate
    plugin.attach_router(None)
    asyncio.run(plugin.init_state(engine, None, None))
    assert engine.generate is own and asyncio.run(plugin.status())["problem"] is not None
    assert "vLLM serves all requests alone" in caplog.text


def test_the_entry_point_names_the_plugin() -> None:
    project = (ROOT / "clients/python/pyproject.toml").read_text()
    assert 'stopgate = "stopgate.vllm_plugin:Plugin"' in project
    assert (Plugin.name, Plugin.required_tasks) == ("stopgate", ("generate",))
