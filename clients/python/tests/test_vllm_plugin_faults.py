"""Requests that the plug-in cannot serve, or in which it fails, are served by vLLM alone."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import ROOT, Service
from fake_vllm import END, END_THINK, FakeEngine, Letters, RequestOutputKind, SamplingParams
from stopgate import AsyncClient
from stopgate._probe_forms import ProbeForms
from stopgate.generation import Generation
from stopgate.reasoning import Row
from stopgate.vllm_plugin import Plugin, _noting_shutdown, call, following, problem_of
from stopgate.vllm_plugin import serving as plugin_serving
from stopgate.vllm_plugin.call import Call
from stopgate.vllm_plugin.checks import Checks
from stopgate.vllm_plugin.exchange import Exchange
from stopgate.vllm_plugin.following import Follower
from stopgate.vllm_plugin.form_checks import FormChecks
from stopgate.vllm_plugin.golds import Golds
from stopgate.vllm_plugin.outputs import Folded
from stopgate.vllm_plugin.replies import Action, Shown
from stopgate.vllm_plugin.seats import Seats
from stopgate.vllm_plugin.serving import Server
from vllm_server import (
    ANSWER,
    CALL,
    CLOSE,
    IN_ONE,
    PROMPT,
    STREAMED,
    TOOLS,
    WHOLE,
    arm_is,
    held,
    play,
    prepare,
    raising,
    requesting,
    said,
    serving,
    wanting,
)

CALLS_INTO_US: "list[tuple[Any, str]]" = [
    (Server, "_begin"), (Server, "_call"), (Exchange, "stated"), (Exchange, "next_id"), (Exchange, "body"),
    (plugin_serving, "tools_of"), (plugin_serving, "tool_choice_of"), (plugin_serving, "levels_in"), (Golds, "of"),
    (Action, "forcing"), (Action, "read"), (Action, "gold"), (AsyncClient, "generation"), (AsyncClient, "check"),
    (ProbeForms, "forcing"), (Call, "_run"), (Follower, "__init__"), (Follower, "follow"), (Follower, "_read"),
    (Follower, "_tell"), (Follower, "_has_room"), (Follower, "stop"), (Follower, "_decode"), (Follower, "answered"),
    (Follower, "end"), (Follower, "_end"), (FormChecks, "ask"), (Checks, "__init__"),
    (Checks, "advance"), (Checks, "end"), (Row, "add"), (Row, "close"), (Row, "observe"),
    (Row, "finish"), (Generation, "due"), (Generation, "observe"), (Generation, "begin"),
    (Generation, "mark_prompt"), (following, "closing_of"), (call, "closing_output"), (call, "continued"),
    (call, "gathered"), (Folded, "add"), (Folded, "cut"), (Folded, "whole"), (Letters, "decode"),
    (Letters, "encode"), (Exchange, "tell"), (Call, "_unshown"),
]  # fmt: skip
UNCOUNTED = {(Row, "observe"), (Letters, "decode"), (Action, "read"), (Action, "gold")}
"""A probe that fails is left out, which is no fault."""
KINDS_OF_ANSWERS: "dict[str, tuple[str, dict[str, Any], dict[str, Any]]]" = {
    "text": (FakeEngine.answer, {}, {}),
    "samples": (FakeEngine.answer, {}, {"n": 2}),
    "tools": (CALL, TOOLS, {}),
    "json": ('{"b": 1.0}', {}, {"structured_outputs": "a grammar"}),
}


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


def is_complete(tokens: "list[int]", answer: str) -> bool:
    """Whether they are those of vLLM alone, or those of a stop."""
    end = [*map(ord, answer), END]
    whole = [*map(ord, FakeEngine.reasoning), END_THINK, *end]
    kept = len(tokens) - len(CLOSE) - len(end)
    return tokens == whole or (kept >= 16 and tokens == [*whole[:kept], *CLOSE, *end])


@pytest.mark.parametrize("kind", [STREAMED, IN_ONE])
@pytest.mark.parametrize(("name", "arm"), [("text", "control"), *((name, "treated") for name in KINDS_OF_ANSWERS)])
def test_a_fault_anywhere_leaves_the_request_to_vllm(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, arm: str, kind: RequestOutputKind
) -> None:
    answer, body, fields = KINDS_OF_ANSWERS[name]
    arm_is(monkeypatch, arm)
    monkeypatch.setattr(FakeEngine, "answer", answer)
    task = f"plug-faults-{name}-{arm}-{kind.value}"
    prepare(service, task, 0.9)
    (tmp_path / "gold.jsonl").write_text('{"prompt": "a", "gold": "42"}')

    async def test(engine: FakeEngine, server: Server) -> None:
        server.golds = Golds(str(tmp_path / "gold.jsonl"))
        reached: dict[str, int] = {}
        for number, (owner, method) in enumerate(CALLS_INTO_US):
            place, id, faults = f"{owner.__name__}.{method}", f"q{number}", server.counts.all().get("faults", 0)

            def fault(*args: Any, place: str = place, **options: Any) -> Any:
                reached[place] = reached.get(place, 0) + 1
                raising()

            asked = {"messages": [{"role": "user", "content": "a"}], **body}
            with monkeypatch.context() as patch, requesting(task, asked) as exchange:
                engine._hold = lambda id, tokens: False
                if owner is Letters:  # the engine has its own
                    broken = Letters()
                    patch.setattr(server, "tokenizer", broken)
                    patch.setattr(server, "shown", Shown(broken, [END]))
                    patch.setattr(broken, method, fault)
                else:
                    patch.setattr(owner, method, fault)
                samples = await said(server(PROMPT, wanting(kind, logprobs=1, **fields), id))
                await server.settle()
            count = fields.get("n", 1)
            assert sum(one.startswith(id) and "-probe-" in one for one in engine.requests) <= 6 * count, place
            is_counted = server.counts.all().get("faults", 0) > faults
            assert is_counted or place not in reached or (owner, method) in UNCOUNTED, place
            assert len(samples) == count and len(exchange.fields) <= count, place
            for one in samples:
                assert is_complete(one["tokens"], answer), (place, Letters().decode(one["tokens"]))
                assert one["text"] == Letters().decode(one["tokens"], skip_special_tokens=True), place
                assert one["reason"] == "stop" and one["id"] == id, place
                assert len(one["logprobs"]) == len(one["tokens"]), place
        unreached = {method for owner, method in CALLS_INTO_US if f"{owner.__name__}.{method}" not in reached}
        if arm == "control":
            assert "ask" not in unreached
            return
        assert unreached == {
            "ask",  # of a reply that is not stopped
            *({"forcing", "read", "gold", "tool_choice_of"} if name in ("text", "samples") else ()),
            *({"add", "cut", "whole"} if kind == STREAMED else ()),
            *(() if name == "samples" and kind == IN_ONE else ("gathered",)),
        }

    play(service, task, test, confidence=lambda tokens: 1.0, turns=lambda id: 1 if "-" in id else 40)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("method", ["gone", "failed"])
def test_a_fault_when_outputs_are_given_up_leaves_nothing_running(
    service: Service, monkeypatch: pytest.MonkeyPatch, method: str, n: int
) -> None:
    prepare(service, f"plug-leaving-{method}-{n}", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        monkeypatch.setattr(Follower, method, raising)
        with requesting(f"plug-leaving-{method}-{n}") as exchange:
            outputs = server(PROMPT, wanting(STREAMED, n=n), "r")
            for _ in range(40):
                await anext(outputs)
            if method == "gone":
                exchange.received({"type": "http.disconnect"})
            await outputs.aclose()
        await server.settle()
        assert engine.running == 0 and server.counts.all()["faults"] == n
        assert server.client.flush(30) and server.client.counters.reported == 0

    play(service, f"plug-leaving-{method}-{n}", test)


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

    play(service, "plug-passes", test, {"seats": Seats(1)})  # none is kept for probes, so that no request waits here


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
