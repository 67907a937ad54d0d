"""A fake engine whose `generate` the plug-in of vLLM's server replaces, for its tests."""

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
from stopgate.generation import Generation
from stopgate.reasoning import ReasoningFormat
from stopgate.vllm_plugin.counts import Counts
from stopgate.vllm_plugin.exchange import CURRENT, Exchange
from stopgate.vllm_plugin.replies import Calls
from stopgate.vllm_plugin.seats import Seats
from stopgate.vllm_plugin.serving import Server
from stopgate.vllm_plugin.trust import ClientTrust

PROMPT = {"type": "token", "prompt_token_ids": Letters().encode("six times seven<think>"), "cache_salt": "salt"}
ANSWER = [*map(ord, FakeEngine.answer), END]
WHOLE = [*map(ord, FakeEngine.reasoning), END_THINK, *ANSWER]
CLOSE = Letters().encode("\n</think>\n\n")
CALL = '<tool_call>{"name": "add", "arguments": {"b": 2.0, "a": 1}}</tool_call>'
STREAMED, IN_ONE = RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY
FORM = {"name": "plain", "suffix": "Final answer:", "before": "\n", "after": "\n\n", "tokens": 8}


TOOLS = {"tools": [{"type": "function", "function": {"name": "add", "parameters": {}}}]}


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
    service.pin(f"model=q,task={task}", threshold)
    if has_form:
        finding = {"form": FORM, "is_stated": True, "generations": 0, "tried": []}
        body = {"context": {"model": "q", **({} if task == "-" else {"task": task})}, "finding": finding}
        connections = Connections(Endpoint(service.url))
        connections.call("POST", "/v1/probe-forms", json.dumps(body).encode(), timeout=30).json()


def serving(
    engine: FakeEngine, client: AsyncClient, reasoning: ReasoningFormat | None = None, **options: Any
) -> Server:
    options = {"trust": ClientTrust(True), "seats": Seats(32), **options}
    return Server(
        engine.generate, client, Letters(), reasoning=reasoning or ReasoningFormat(), opening="<think>", model="q",
        calls=Calls(Hermes, Letters()), counts=Counts(False), has_parser=True, max_model_len=1000,
        **options,
    )  # fmt: skip


@contextmanager
def requesting(
    task: str, body: "dict[str, Any] | None" = None, path: str = "/v1/chat/completions", **headers: str
) -> Iterator[Exchange]:
    """The HTTP request that calls of `generate` are made in."""
    named = {"x-stopgate-context": f"task={task}", **{f"x-stopgate-{name}": value for name, value in headers.items()}}
    exchange = Exchange([(name.encode(), value.encode()) for name, value in named.items()], path)
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


def raising(*args: Any, **options: Any) -> Any:
    raise ZeroDivisionError("a fault of ours")


def play(
    service: Service, task: str, test: "Callable[[FakeEngine, Server], Any]",
    options: "dict[str, Any] | None" = None, has_form: bool = True, **engine: Any,
) -> Any:  # fmt: skip
    """Runs a test with an engine whose `generate` is replaced.

    Args:
        options: of the server.
        has_form: whether to wait until the probe form is known.
    """

    async def playing() -> Any:
        async with AsyncClient(service.url, local=True) as client:
            fake = FakeEngine(**engine)
            server = serving(fake, client, **options or {})
            context = {"model": "q", "task": task}

            def is_ready() -> bool:
                bundle = client.bundle
                rule = None if bundle is None else bundle.rule_of(context, f"{task}-{id(bundle)}")
                return rule is not None and (rule.form is not None or not has_form)

            until("the rules have come", is_ready)
            result = await asyncio.wait_for(test(fake, server), 20)
            await server.settle()
            assert client.flush(30) and client.counters.rejected == 0
            return result

    return asyncio.run(playing())
