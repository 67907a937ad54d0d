"""What the plug-in compares as an answer, and what replies say of their generations."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import Service
from fake_vllm import END, END_THINK, FakeEngine, Letters
from stopgate._calls import canonical_text
from stopgate._outcome import outcome_of
from stopgate.generation import Generation
from stopgate.vllm_plugin import _ends_of
from stopgate.vllm_plugin.exchange import CURRENT, Exchange, HeaderError, Middleware, Stated, levels_in
from stopgate.vllm_plugin.replies import Action, Calls, ToolChoice, tool_choice_of, tools_of
from stopgate.vllm_plugin.serving import Server
from vllm_server import (
    CALL,
    IN_ONE,
    PROMPT,
    TOOLS,
    Hermes,
    arm_is,
    held,
    play,
    prepare,
    raising,
    requesting,
    said,
    wanting,
)

FIELD = {"generation_id": "g", "stopped": True}


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


def test_the_text_around_the_closing_tag_is_that_of_the_first_reply(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = "plug-around"
    prepare(service, task, 0.9, has_form=False)
    monkeypatch.setattr("stopgate.vllm_plugin.shared.MAX_CONTEXTS", 2)

    async def test(engine: FakeEngine, server: Server) -> None:
        server.around.update({"a": ("", ""), "b": ("", "")})
        for number, answer in enumerate(("\n\n" + CALL, "\n" + CALL)):
            monkeypatch.setattr(FakeEngine, "answer", answer)
            with requesting(task, TOOLS):
                await said(server(PROMPT, wanting(IN_ONE), f"r{number}"))
            await server.settle()
        assert [*server.around.values()] == [("", ""), ("", "\n\n")] and "a" not in server.around

    play(service, task, test, has_form=False)


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


def test_a_client_cannot_stall_the_plug_in_by_what_it_states() -> None:
    assert Stated.read({"context": " task = gsm8k ,lang=en"}.get).context == {"task": "gsm8k", "lang": "en"}
    assert Stated.read({"context": "task=" + 8000 * " " + "x\ny"}.get).context == {
        "task": "x\ny"
    }  # at a cubic cost, an hour
    for context in ("task", "=a", "task=%00", "task=%EF%BF%BD"):
        with pytest.raises(HeaderError):
            Stated.read({"context": context}.get)
    stated = {"task": "g" * 128, "lang": "é" * 65, "user": 7, "empty": "", "other": "x", "half": "\ud800", "null": "\0"}
    assert levels_in(stated, ["task", "lang", "user", "empty", "absent", "half", "null"]) == {"task": "g" * 128}
    assert levels_in(["task"], ["task"]) == levels_in(None, ["task"]) == {}
    nested = 2000 * "[" + 2000 * "]"
    assert Action(Calls(None, None), []).gold(nested) == nested


def test_json_without_what_makes_no_difference() -> None:
    assert canonical_text(' {"b": 1.0, "a": [2, {"d": 3, "c": 4.5}]}\n') == '{"a":[2,{"c":4.5,"d":3}],"b":1}'
    assert canonical_text(" text ") == "text"
    calls = Calls(Hermes, Letters())
    other = '<tool_call>{"name": "sub", "arguments": {}}</tool_call>'
    action = Action(calls, TOOLS["tools"])
    assert action.read(CALL + other) == action.read(other + CALL) == 'add {"a":1,"b":2}\nsub {}'
    assert action.gold('{"arguments": {"a": 1.0, "b": 2}, "name": "add"}') == action.read(CALL) == 'add {"a":1,"b":2}'
    openai = {"type": "function", "id": "1", "function": {"name": "add", "arguments": '{"b": 2, "a": 1.0}'}}
    for stated in (openai, [openai], {"role": "assistant", "tool_calls": [openai]}):
        assert action.gold(json.dumps(stated)) == 'add {"a":1,"b":2}'
    assert action.gold('{"b": 1.0}') == '{"b":1}' and action.gold(" no call ") == action.read("no call") == "no call"


def test_a_call_that_is_required_is_read_in_the_json_that_vllm_has_written() -> None:
    calls, tools, wanted = Calls(Hermes, Letters()), TOOLS["tools"], 'add {"a":1,"b":2}'
    required, named = (Action(calls, tools, ToolChoice(True, name)) for name in (None, "add"))
    add, sub = '{"name": "add", "parameters": {"b": 2.0, "a": 1}}', '{"name": "sub", "parameters": {}}'
    assert required.read(f"[{add}, {sub}]") == required.read(f"[{sub}, {add}]") == f"{wanted}\nsub {{}}"
    assert required.read(f" [{add}]\n") == wanted == required.gold('{"name": "add", "arguments": {"a": 1, "b": 2}}')
    assert named.read('{"b": 2, "a": 1.0}') == wanted == named.gold(add)
    assert named.read('{"b": 2, "a"') == '{"b": 2, "a"' and required.read("[1]") == "[1]"

    class Tagged(Hermes):
        supports_required_and_named = False

    assert Action(Calls(Tagged, Letters()), tools, ToolChoice(True)).read(CALL) == wanted, "by the parser"


def test_json_is_a_right_call_only_where_there_are_tools() -> None:
    schema = '{"parameters": {"b": 1.0}, "name": "add"}'
    assert Action(Calls(Hermes, Letters()), []).gold(schema) == '{"name":"add","parameters":{"b":1}}'
    assert Action(Calls(Hermes, Letters()), TOOLS["tools"]).gold(schema) == 'add {"b":1}'


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("required", ToolChoice(True)),
        ({"type": "any"}, ToolChoice(True)),
        ({"type": "auto"}, ToolChoice()),
        ({"type": "function", "function": {"name": "add"}}, ToolChoice(True, "add")),
        ({"type": "function", "name": "add"}, ToolChoice(True, "add")),
        ({"type": "tool", "name": "add"}, ToolChoice(True, "add")),
        ({"type": "allowed_tools", "tools": []}, ToolChoice()),
    ],
)
def test_the_tool_choice_is_read_in_the_format_of_each_api(choice: Any, wanted: ToolChoice) -> None:
    assert tool_choice_of({"tool_choice": choice}) == wanted


def reported_runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Generation, Any]]:
    """Generations and how they ended, as they are reported."""
    runs: list[tuple[Generation, Any]] = []

    def keep(run: Generation, end: Any) -> Any:
        runs.append((run, end))
        return outcome_of(run, end)

    monkeypatch.setattr("stopgate._session.outcome_of", keep)
    return runs


def test_a_named_function_is_compared_by_its_arguments(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-named", 0.9)
    monkeypatch.setattr(FakeEngine, "answer", '{"b": 2.0, "a": 1}')

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        runs = reported_runs(monkeypatch)
        with requesting("plug-named", {**TOOLS, "tool_choice": {"type": "function", "function": {"name": "add"}}}):
            await said(server(PROMPT, wanting(IN_ONE, structured_outputs=object()), "r"))
        await server.settle()
        [(run, end)] = runs
        assert {step.answer for step in run.steps if step.tokens <= 64} == {end.answer} == {'add {"a":1,"b":2}'}

    play(service, "plug-named", test)


def test_no_token_that_ends_a_sequence_is_part_of_an_answer(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-ends", 0.9)
    monkeypatch.setattr(FakeEngine, "answer", '{"b": 1}$')

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        runs = reported_runs(monkeypatch)
        with requesting("plug-ends"):
            await said(server(PROMPT, wanting(IN_ONE, structured_outputs=object()), "r"))
        await server.settle()
        assert [end.answer for _, end in runs] == ['{"b":1}']

    play(service, "plug-ends", test, {"ends": [ord("$")]})


@pytest.mark.parametrize("body", [TOOLS, {}])
@pytest.mark.parametrize("ends", [{"stop": ["!"]}, {"stop_token_ids": [ord("!")]}])
def test_what_ends_a_reply_ends_probes_of_calls_and_json(
    service: Service, monkeypatch: pytest.MonkeyPatch, body: "dict[str, Any]", ends: "dict[str, Any]"
) -> None:
    arm_is(monkeypatch, "control")
    task = f"plug-stops-{len(body)}-{next(iter(ends))}"
    prepare(service, task, 0.9)
    monkeypatch.setattr(FakeEngine, "answer", f"{CALL if body else '[1.0]'}! {CALL} more")

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        runs = reported_runs(monkeypatch)
        with requesting(task, body):
            [one] = await said(
                server(PROMPT, wanting(IN_ONE, structured_outputs=None if body else object(), **ends), "r")
            )
        await server.settle()
        assert one["reason"] == "stop" and Letters().decode(one["tokens"]).endswith("!")
        [(run, end)] = runs
        wanted = 'add {"a":1,"b":2}' if body else "[1]"
        assert {step.answer for step in run.steps if step.tokens <= 64} == {end.answer} == {wanted}

    play(service, task, test)


@pytest.mark.parametrize(("stated", "ends"), [(None, []), (2, [2]), ([2, 7], [2, 7])])
def test_the_generation_config_says_what_ends_a_sequence(stated: Any, ends: "list[int]") -> None:
    assert _ends_of(SimpleNamespace(try_get_generation_config=lambda: {"eos_token_id": stated})) == ends
    assert _ends_of(None) == []


def test_tools_are_read_in_the_format_of_each_api() -> None:
    wanted = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}]
    flat = {"name": "f", "description": "d"}
    assert tools_of({"tools": wanted}) == wanted
    assert tools_of({"tools": [{"type": "function", **flat, "parameters": {"type": "object"}}]}) == wanted
    assert tools_of({"tools": [{**flat, "input_schema": {"type": "object"}}]}) == wanted
    assert tools_of({"tools": wanted, "tool_choice": "none"}) == tools_of({}) == []


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
        assert exchange is not None and exchange.body() == {"metadata": {}}
        id = exchange.next_id()
        headers = [(b"content-type", kind)]
        if len(chunks) == 1:
            headers.append((b"content-length", str(len(chunks[0])).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        exchange.tell(id, FIELD)
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


@pytest.mark.parametrize("wants_usage", [False, True])
def test_the_last_chunk_of_a_stream_lists_all_samples_in_their_order(wants_usage: bool) -> None:
    exchange = Exchange([], "/v1/chat/completions")
    exchange.received({"body": b'{"n": 3, "stream_options": {"include_usage": %s}}' % json.dumps(wants_usage).encode()})
    exchange.body()
    first, second, third = (exchange.next_id() for _ in range(3))

    def sent(event: bytes) -> bytes:
        [message] = exchange.sending({"type": "http.response.body", "body": event, "more_body": True})
        body: bytes = message["body"]
        return body

    chunk, finish = b'data: {"choices":[{"delta":{}}]}\n\n', b'data: {"choices":[{"finish_reason":"stop"}]}\n\n'
    exchange.tell(third, {"generation_id": third})
    assert [sent(chunk), sent(finish)] == [chunk, finish]
    for id in (second, first):  # which are read before their chunks have been sent
        exchange.tell(id, {"generation_id": id})
    assert [sent(chunk), sent(finish)] == [chunk, finish]
    field = json.dumps({"samples": [{"generation_id": id} for id in (first, second, third)]}, separators=(",", ":"))
    end = b',"stopgate":' + field.encode() + b"}\n\n"
    assert sent(finish) == (finish if wants_usage else finish[:-3] + end)
    if wants_usage:
        usage = b'data: {"choices":[],"usage":{}}\n\n'
        assert sent(usage) == usage[:-3] + end


@pytest.mark.parametrize("says", ["http.disconnect", "an error when the reply is sent"])
def test_a_client_that_went_away_is_noticed(says: str) -> None:
    exchanges: list[Exchange] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        exchange = CURRENT.get()
        assert exchange is not None
        exchanges.append(exchange)
        await receive()
        assert not exchange.is_gone
        if says == "http.disconnect":
            await receive()
        else:
            with pytest.raises(BrokenPipeError):
                await send({"type": "http.response.start", "status": 500, "headers": []})

    messages = iter([{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        raise BrokenPipeError

    asyncio.run(Middleware(app)({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send))
    assert exchanges[0].is_gone


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
