"""The plug-in of vLLM's server: requests that are not stopped equal the engine's own, whatever fails."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import Service, until
from fake_vllm import END, END_THINK, FakeEngine, Letters, RequestOutputKind, SamplingParams
from stopgate import AsyncClient
from stopgate._http import Connections, Endpoint
from stopgate._outcome import outcome_of
from stopgate.generation import Ending, Generation
from stopgate.reasoning import ReasoningFormat, Row
from stopgate.vllm_plugin.call import Call
from stopgate.vllm_plugin.counts import Counts
from stopgate.vllm_plugin.exchange import CURRENT, Exchange, Middleware
from stopgate.vllm_plugin.following import Follower
from stopgate.vllm_plugin.outputs import Folded
from stopgate.vllm_plugin.replies import Action, Calls, canonical_text, tools_of
from stopgate.vllm_plugin.serving import Server

PROMPT = {"type": "token", "prompt_token_ids": Letters().encode("six times seven<think>"), "cache_salt": "salt"}
ANSWER = [*map(ord, FakeEngine.answer), END]
WHOLE = [*map(ord, FakeEngine.reasoning), END_THINK, *ANSWER]
CLOSE = Letters().encode("\n</think>\n\n")
CALL = '<tool_call>{"name": "add", "arguments": {"b": 2.0, "a": 1}}</tool_call>'
STREAMED, IN_ONE = RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY
FORM = {"name": "plain", "suffix": "Final answer:", "before": "\n", "after": "\n\n", "tokens": 8}


class Hermes:
    """A tool parser in vLLM's format."""

    def __init__(self, tokenizer: Any, tools: "list[Any]") -> None:
        self.names = [tool["function"]["name"] for tool in tools]

    def extract_tool_calls(self, text: str, request: Any) -> Any:
        calls = [json.loads(part.partition("</tool_call>")[0]) for part in text.split("<tool_call>")[1:]]
        functions = [SimpleNamespace(name=one["name"], arguments=json.dumps(one["arguments"])) for one in calls]
        return SimpleNamespace(
            tools_called=bool(calls), tool_calls=[SimpleNamespace(function=one) for one in functions]
        )


def wanting(kind: RequestOutputKind, **fields: Any) -> SamplingParams:
    return replace(SamplingParams(temperature=0.7, max_tokens=400, output_kind=kind), **fields)


def prepare(service: Service, task: str, threshold: float, has_form: bool = True) -> None:
    service.put(f"/v1/contexts/model=q,task={task}/policy", {"check_every_tokens": 16})
    service.put(f"/v1/contexts/model=q,task={task}/pin", {"threshold": threshold, "reason": "test"})
    if has_form:
        finding = {"form": FORM, "is_stated": True, "generations": 0, "tried": []}
        body = {"context": {"model": "q", "task": task}, "finding": finding}
        connections = Connections(Endpoint(service.url))
        connections.call("POST", "/v1/probe-forms", json.dumps(body).encode(), timeout=30).json()


def serving(engine: FakeEngine, client: AsyncClient, **options: Any) -> Server:
    return Server(
        engine.generate, client, Letters(), reasoning=ReasoningFormat(), opening="<think>", model="q",
        calls=Calls(Hermes, Letters()), counts=Counts(False), has_parser=True, max_model_len=1000, max_num_seqs=32,
        **options,
    )  # fmt: skip


@contextmanager
def requesting(task: str, body: "dict[str, Any] | None" = None, **headers: str) -> Iterator[Exchange]:
    """The HTTP request that calls of `generate` are made in."""
    named = {"x-stopgate-context": f"task={task}", **{f"x-stopgate-{name}": value for name, value in headers.items()}}
    exchange = Exchange([(name.encode(), value.encode()) for name, value in named.items()], "/v1/chat/completions")
    if body is not None:
        exchange.received({"body": json.dumps(body).encode()})
    token = CURRENT.set(exchange)
    yield exchange
    CURRENT.reset(token)


def arm_is(monkeypatch: pytest.MonkeyPatch, arm: str) -> None:
    """Draws this arm for every generation."""
    monkeypatch.setattr("stopgate._local.uniform", lambda salt, unit: 0.0 if arm == "control" else 1.0)


def waiting_for(runs: "dict[str, Generation]") -> "Callable[[str, int], bool]":
    """A reasoning waits for each check."""

    def hold(id: str, tokens: int) -> bool:
        run = runs.get(id)
        return run is not None and not run.stopped and run.next_check <= min(tokens, 80) - 1

    return hold


def held(engine: FakeEngine, server: Server) -> None:
    """Lets each reasoning of the engine wait for its checks."""
    begin = server._begin

    def beginning(prompt: Any, params: Any, id: str, options: Any) -> Any:
        call = begin(prompt, params, id, options)
        if call is not None:
            runs.update({call._id_of(i): one.run for i, one in enumerate(call._followers)})
        return call

    runs: dict[str, Generation] = {}
    server._begin = beginning  # type: ignore[method-assign,assignment]
    engine._hold = waiting_for(runs)


async def said(outputs: "AsyncGenerator[Any, None]") -> "list[dict[str, Any]]":
    """By sample what a client sees: tokens, text, log-probabilities, and the reason of the end."""
    samples: dict[int, dict[str, Any]] = {}
    async for output in outputs:
        for one in output.outputs:
            sample = samples.setdefault(one.index, {"tokens": [], "text": "", "logprobs": [], "reason": None})
            sample["tokens"] += one.token_ids
            sample["text"] += one.text
            sample["logprobs"] += [{token: entry.logprob for token, entry in at.items()} for at in one.logprobs or ()]
            sample["reason"] = one.finish_reason
            sample["prompt"], sample["id"] = output.prompt_token_ids, output.request_id
        finished = output.finished
    assert finished
    return [samples[i] for i in sorted(samples)]


def play(service: Service, task: str, test: "Callable[[FakeEngine, Server], Any]", **engine: Any) -> Any:
    """Runs a test with an engine whose `generate` is replaced."""

    async def playing() -> Any:
        async with AsyncClient(service.url, local=True) as client:
            fake = FakeEngine(**engine)
            server = serving(fake, client)
            context = {"model": "q", "task": task}

            def is_ready() -> bool:
                bundle = client.bundle
                rule = None if bundle is None else bundle.rule_of(context, f"{task}-{id(bundle)}")
                return rule is not None and rule.form is not None

            until("the rules have come", is_ready)
            result = await asyncio.wait_for(test(fake, server), 20)
            await server.settle()
            assert client.flush(30) and client.counters.rejected == 0
            return result

    return asyncio.run(playing())


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
        assert sorted(one["generation_id"] for one in exchange.fields) == [
            exchange.id,
            *(f"{exchange.id}-{i}" for i in (1, 2)),
        ]
        assert [engine.requests[f"{i}_r-answer"].params.seed for i in range(3)] == [7, 8, 9]

    play(service, task, test, confidence=lambda tokens: 0.95)


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
        with requesting("plug-gone"):
            outputs = server(PROMPT, wanting(STREAMED), "r")
            for _ in range(40):
                await anext(outputs)
            await outputs.aclose()
        await server.settle()
        assert engine.requests["r"].is_aborted and engine.running == 0
        assert server.counts.all()["generations control cancelled"] == 1
        assert server.client.flush(30) and server.client.counters.reported == 1

    play(service, "plug-gone", test)


def test_probes_leave_three_quarters_of_the_seats_to_users(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-seats", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        server.most_probes = 2
        probes = [0]

        def turns(id: str) -> int:
            probes.append(sum("-probe-" in one and not request.is_over for one, request in engine.requests.items()))
            return 20 if "-probe-" in id else 1

        engine._turns = turns

        async def one(number: int) -> None:
            with requesting("plug-seats"):
                await said(server(PROMPT, wanting(STREAMED), f"r{number}"))

        await asyncio.gather(*map(one, range(12)))
        assert max(probes) == 2 and server.counts.all()["probes skipped"] > 0

    play(service, "plug-seats", test)


TOOLS = {"tools": [{"type": "function", "function": {"name": "add", "parameters": {}}}]}


def test_a_tool_call_is_compared_by_its_name_and_arguments(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-tools", 0.9)
    monkeypatch.setattr(FakeEngine, "answer", CALL)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        runs: list[Generation] = []
        monkeypatch.setattr("stopgate._session.outcome_of", lambda run, end: runs.append(run) or outcome_of(run, end))  # type: ignore[func-returns-value]
        with requesting("plug-tools", TOOLS):
            [one] = await said(server(PROMPT, wanting(IN_ONE), "r"))
        await server.settle()
        assert CALL in Letters().decode(one["tokens"])
        probed = [step for step in runs[0].steps if step.tokens <= 64]  # the last one may be given up
        assert [step.answer for step in probed] == ['add {"a":1,"b":2}'] * 4
        assert [step.confidence for step in probed] == [pytest.approx(0.5 ** len(CALL))] * 4, "of the whole call"

    play(service, "plug-tools", test)


def test_an_answer_too_long_to_be_forced_is_no_answer(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, "plug-long", 0.1)
    monkeypatch.setattr(FakeEngine, "answer", "a text of more than 256 letters" * 9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting("plug-long", TOOLS):
            [one] = await said(server(PROMPT, wanting(IN_ONE), "r"))
        await server.settle()
        assert one["tokens"] == [*map(ord, FakeEngine.reasoning), END_THINK, *map(ord, FakeEngine.answer), END][:400]
        assert server.counts.all()["probes unprobed"] >= 4

    play(service, "plug-long", test, confidence=lambda tokens: 1.0)


def test_json_without_what_makes_no_difference() -> None:
    assert canonical_text(' {"b": 1.0, "a": [2, {"d": 3, "c": 4.5}]}\n') == '{"a":[2,{"c":4.5,"d":3}],"b":1}'
    assert canonical_text(" text ") == "text"
    calls = Calls(Hermes, Letters())
    other = '<tool_call>{"name": "sub", "arguments": {}}</tool_call>'
    action = Action(calls, TOOLS["tools"])
    assert action.read(CALL + other) == action.read(other + CALL) == 'add {"a":1,"b":2}\nsub {}'
    assert action.gold('{"arguments": {"a": 1.0, "b": 2}, "name": "add"}') == action.read(CALL) == 'add {"a":1,"b":2}'
    assert action.gold('{"b": 1.0}') == '{"b":1}' and action.gold(" no call ") == action.read("no call") == "no call"


def test_tools_are_read_in_the_format_of_each_api() -> None:
    wanted = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}]
    flat = {"name": "f", "description": "d"}
    assert tools_of({"tools": wanted}) == wanted
    assert tools_of({"tools": [{"type": "function", **flat, "parameters": {"type": "object"}}]}) == wanted
    assert tools_of({"tools": [{**flat, "input_schema": {"type": "object"}}]}) == wanted
    assert tools_of({"tools": wanted, "tool_choice": "none"}) == tools_of({}) == []


FIELD = {"generation_id": "g", "stopped": True}


@pytest.mark.parametrize(
    ("kind", "chunks", "wanted"),
    [
        (b"application/json", [b'{"id":1}'], b'{"id":1,"stopgate":%s}'),
        (b"text/event-stream", [b'data: {"choices":[{"finish_reason":"stop"}]}\n\n', b"data: [DONE]\n\n"],
         b'data: {"choices":[{"finish_reason":"stop"}],"stopgate":%s}\n\ndata: [DONE]\n\n'),
        (b"text/event-stream", [b'data: {"choices":[{"finish_reason":null}]}\n\n'],
         b'data: {"choices":[{"finish_reason":null}]}\n\n'),
        (b"text/event-stream", [b'event: response.completed\ndata: {"type":"x"}\n\n'],
         b'event: response.completed\ndata: {"type":"x","stopgate":%s}\n\n'),
    ],
)  # fmt: skip
def test_a_reply_says_which_generation_it_holds(kind: bytes, chunks: "list[bytes]", wanted: bytes) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        exchange = CURRENT.get()
        assert exchange is not None and exchange.body == {"metadata": {}}
        exchange.next_id()
        headers = [(b"content-type", kind)]
        if len(chunks) == 1:
            headers.append((b"content-length", str(len(chunks[0])).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        exchange.fields.append(FIELD)
        for chunk in chunks:
            more = kind != b"application/json"
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b'{"metadata": {}}'}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Middleware(app)({"type": "http", "method": "POST", "path": "/v1/x", "headers": []}, receive, send))
    body = b"".join(message["body"] for message in sent[1:])
    assert body == wanted.replace(b"%s", json.dumps(FIELD, separators=(",", ":")).encode())
    headers = dict(sent[0]["headers"])
    assert headers[b"x-stopgate-generation"].startswith(b"vllm-")
    if kind == b"application/json":
        assert int(headers[b"content-length"]) == len(body)


def test_a_reply_goes_on_as_it_is_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"{}"})

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Any) -> None:
        sent.append(message)

    for name in ("received", "sending", "_start", "_with_field"):
        sent.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Exchange, name, raising)
            patch.setattr(Exchange, "begun", 1, raising=False)
            asyncio.run(Middleware(app)({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send))
        assert [message.get("body") for message in sent] == [None, b"{}"], name
