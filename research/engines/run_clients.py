"""Asks vLLM's server by real client libraries: without the plug-in of stopgate, and with it in several ways.

Each case is asked of vLLM alone; then of the server with the plug-in, with `X-Stopgate: off`, in a context that stops
nothing, and in one with a pinned threshold until a generation is stopped. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise it is fetched
import anthropic
import httpx
import litellm
import openai
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

KEY = "sk-of-the-check"
"""LiteLLM's proxy does not start without a key; vLLM takes any."""
ATTEMPTS = 20
TEXT, CALL = "total 437: a8 b5 c2 d9", "heat hall 437: a8 b5 c2"
SCHEMA = {"type": "object", "properties": {"room": {"type": "string"}, "level": {"type": "integer"}}}
TOOL = {"name": "set_heat", "description": "Heats a room.", "parameters": SCHEMA}
TOOLS: list[Any] = [{"type": "function", "function": TOOL}]
FINAL_RESULT = "total 120: a4 b9 c1"
"""What the tool of an agent returns: a further question, since this model knows nothing else."""


class Level(BaseModel):
    """Structured output. Few values, since a grammar that lets this model write on would not end."""

    level: Literal[452, 461]


@dataclass
class Said:
    """What a client shows of a reply, or of all replies of an agent's loop."""

    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    tokens: int = 0
    stopgate: dict[str, Any] | None = None
    """The field; None: the client does not show it."""
    has_id: bool = False
    """Whether it shows the header X-Stopgate-Generation, which LiteLLM gives another name."""

    def call(self, name: str, arguments: Any) -> None:
        """Adds a tool call."""
        self.calls.append((name, json.loads(arguments) if isinstance(arguments, str) else arguments))

    def note(self, part: Any) -> None:
        """Looks for the field in an object of the client."""
        self.stopgate = self.stopgate or (getattr(part, "model_extra", None) or {}).get("stopgate")

    @property
    def kind(self) -> tuple[bool, list[str]]:
        """What makes two replies the same kind: whether they have text, and which functions are called."""
        return self.text != "", [name for name, _ in self.calls]

    @property
    def whole(self) -> tuple[Any, ...]:
        """What two equal replies have in common."""
        return self.text, self.calls, self.tokens


def has_id(headers: Any) -> bool:
    """Whether the headers of a reply have the id of the generation."""
    return any(name in (headers or {}) for name in ("x-stopgate-generation", "llm_provider-x-stopgate-generation"))


@dataclass(frozen=True)
class Target:
    """A server and the headers to send."""

    url: str
    headers: Mapping[str, str]
    model: str = "reasoner"

    def openai(self) -> openai.AsyncOpenAI:
        """OpenAI's client of it."""
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=KEY, max_retries=0, default_headers=self.headers)


def user(content: str) -> list[Any]:
    """The messages of a chat."""
    return [{"role": "user", "content": content}]


def read_chat(said: Said, completion: Any) -> Said:
    """Reads a chat completion, as OpenAI's client and LiteLLM have it."""
    message = completion.choices[0].message
    said.text, said.tokens = message.content or "", completion.usage.completion_tokens
    for one in message.tool_calls or ():
        said.call(one.function.name, one.function.arguments)
    said.note(completion)
    return said


async def read_chunks(chunks: Any) -> Said:
    """Reads the chunks of a chat."""
    said, calls = Said(), dict[int, list[str]]()
    async for chunk in chunks:
        for choice in chunk.choices:
            said.text += choice.delta.content or ""
            for one in choice.delta.tool_calls or ():
                call = calls.setdefault(one.index, ["", ""])
                call[0] += one.function.name or ""
                call[1] += one.function.arguments or ""
        if getattr(chunk, "usage", None) is not None:
            said.tokens = chunk.usage.completion_tokens
        said.note(chunk)
    for name, arguments in calls.values():
        said.call(name, arguments)
    return said


async def openai_chat(to: Target) -> Said:
    async with to.openai() as client:
        raw = await client.chat.completions.with_raw_response.create(model=to.model, messages=user(TEXT), temperature=0)
    return read_chat(Said(has_id=has_id(raw.headers)), raw.parse())


async def openai_stream(to: Target) -> Said:
    async with to.openai() as client:
        chunks = await client.chat.completions.create(
            model=to.model, messages=user(TEXT), temperature=0, stream=True, stream_options={"include_usage": True}
        )
        said = await read_chunks(chunks)
        said.has_id = has_id(chunks.response.headers)
        return said


async def openai_tools(to: Target) -> Said:
    async with to.openai() as client:
        return read_chat(
            Said(),
            await client.chat.completions.create(model=to.model, messages=user(CALL), tools=TOOLS, temperature=0),
        )


async def openai_parse(to: Target) -> Said:
    async with to.openai() as client:
        return read_chat(
            Said(),
            await client.chat.completions.parse(
                model=to.model, messages=user(TEXT), response_format=Level, temperature=0
            ),
        )


def read_response(said: Said, response: Any) -> Said:
    """Reads a response of the Responses API."""
    said.text, said.tokens = response.output_text, response.usage.output_tokens
    for item in response.output:
        if item.type == "function_call":
            said.call(item.name, item.arguments)
    said.note(response)
    return said


async def openai_responses(to: Target) -> Said:
    async with to.openai() as client:
        raw = await client.responses.with_raw_response.create(model=to.model, input=TEXT, temperature=0)
    return read_response(Said(has_id=has_id(raw.headers)), raw.parse())


async def openai_responses_stream(to: Target) -> Said:
    said = Said()
    async with to.openai() as client:
        events = await client.responses.create(model=to.model, input=TEXT, temperature=0, stream=True)
        said.has_id = has_id(events.response.headers)
        async for event in events:
            said.note(event)
            if event.type == "response.completed":
                read_response(said, event.response)
    return said


async def openai_responses_tools(to: Target) -> Said:
    async with to.openai() as client:
        tools: list[Any] = [{"type": "function", "strict": False, **TOOL}]
        return read_response(
            Said(), await client.responses.create(model=to.model, input=CALL, tools=tools, temperature=0)
        )


def read_message(said: Said, message: Any) -> Said:
    """Reads a message of the Messages API."""
    said.tokens = message.usage.output_tokens
    for part in message.content:
        if part.type == "text":
            said.text += part.text
        elif part.type == "tool_use":
            said.call(part.name, part.input)
    said.note(message)
    return said


def anthropic_client(to: Target) -> anthropic.AsyncAnthropic:
    """Anthropic's client."""
    return anthropic.AsyncAnthropic(base_url=to.url, api_key=KEY, max_retries=0, default_headers=to.headers)


# Anthropic's newest client warns of `temperature`, which its newest models do not take.
GREEDY: dict[str, Any] = {"max_tokens": 700, "extra_body": {"temperature": 0}}


async def anthropic_messages(to: Target) -> Said:
    async with anthropic_client(to) as client:
        raw = await client.messages.with_raw_response.create(model=to.model, messages=user(TEXT), **GREEDY)
        parsed = raw.parse()
        message = await parsed if asyncio.iscoroutine(parsed) else parsed
    return read_message(Said(has_id=has_id(raw.headers)), message)


async def anthropic_stream(to: Target) -> Said:
    said = Said()
    async with (
        anthropic_client(to) as client,
        client.messages.stream(model=to.model, messages=user(TEXT), **GREEDY) as stream,
    ):
        said.has_id = has_id(stream.response.headers)
        async for event in stream:
            said.note(event)
        return read_message(said, await stream.get_final_message())


async def anthropic_tools(to: Target) -> Said:
    tools: list[Any] = [{"name": TOOL["name"], "description": TOOL["description"], "input_schema": SCHEMA}]
    async with anthropic_client(to) as client:
        return read_message(
            Said(), await client.messages.create(model=to.model, messages=user(CALL), tools=tools, **GREEDY)
        )


def agent_loop(kind: Any, is_streamed: bool) -> Callable[[Target], Awaitable[Said]]:
    """An agent of OpenAI's Agents SDK that calls its tool, and then answers."""

    async def run(to: Target) -> Said:
        said = Said()

        @function_tool
        def set_heat(room: str, level: int) -> str:
            """Heats a room."""
            said.call("set_heat", {"room": room, "level": level})
            return FINAL_RESULT

        async with to.openai() as client:
            model = kind(model=to.model, openai_client=client)
            agent = Agent(
                name="heating", model=model, tools=[set_heat],
                model_settings=ModelSettings(temperature=0, include_usage=True),
            )  # fmt: skip
            if is_streamed:
                result: Any = Runner.run_streamed(agent, CALL, max_turns=4)
                async for _ in result.stream_events():
                    pass
            else:
                result = await Runner.run(agent, CALL, max_turns=4)
        said.text, said.tokens = str(result.final_output), result.context_wrapper.usage.output_tokens
        return said

    return run


def langchain_model(to: Target, **more: Any) -> ChatOpenAI:
    """LangChain's chat model."""
    return ChatOpenAI(
        model=to.model, base_url=f"{to.url}/v1", api_key=KEY, temperature=0, max_retries=0,
        default_headers=to.headers, include_response_headers=True, **more,
    )  # fmt: skip


def read_langchain(message: Any) -> Said:
    """Reads a message of LangChain."""
    about = message.response_metadata
    said = Said(str(message.text), tokens=message.usage_metadata["output_tokens"])
    said.has_id = has_id(about.get("headers"))
    said.stopgate = about.get("stopgate") or message.additional_kwargs.get("stopgate")
    for one in getattr(message, "tool_calls", None) or ():
        said.call(one["name"], one["args"])
    return said


async def langchain_invoke(to: Target) -> Said:
    return read_langchain(await langchain_model(to).ainvoke(TEXT))


async def langchain_stream(to: Target) -> Said:
    whole: Any = None
    async for chunk in langchain_model(to, stream_usage=True).astream(TEXT):
        whole = chunk if whole is None else whole + chunk
    return read_langchain(whole)


async def langchain_tools(to: Target) -> Said:
    return read_langchain(await langchain_model(to).bind_tools(TOOLS).ainvoke(CALL))


async def langchain_structured(to: Target) -> Said:
    model = langchain_model(to).with_structured_output(Level, method="json_schema", include_raw=True)
    return read_langchain((await model.ainvoke(TEXT))["raw"])


async def langchain_responses(to: Target) -> Said:
    return read_langchain(await langchain_model(to, use_responses_api=True).ainvoke(TEXT))


async def litellm_ask(to: Target, content: str, **more: Any) -> Any:
    """Asks by LiteLLM's SDK."""
    return await litellm.acompletion(
        model=f"hosted_vllm/{to.model}", api_base=f"{to.url}/v1", api_key=KEY, messages=user(content),
        temperature=0, num_retries=0, extra_headers=dict(to.headers), **more,
    )  # fmt: skip


async def litellm_chat(to: Target) -> Said:
    reply = await litellm_ask(to, TEXT)
    return read_chat(Said(has_id=has_id(reply._hidden_params.get("additional_headers"))), reply)


async def litellm_stream(to: Target) -> Said:
    chunks = await litellm_ask(to, TEXT, stream=True, stream_options={"include_usage": True})
    said = await read_chunks(chunks)
    said.has_id = has_id(chunks._hidden_params.get("additional_headers"))
    return said


async def litellm_tools(to: Target) -> Said:
    return read_chat(Said(), await litellm_ask(to, CALL, tools=TOOLS))


@dataclass(frozen=True)
class Case:
    """A way to ask."""

    client: str
    name: str
    context: Literal["text", "call", "json"]
    ask: Callable[[Target], Awaitable[Said]]
    by_litellm: bool = False
    """Whether it is sent through LiteLLM's proxy."""


DIRECT = (
    Case("OpenAI", "chat", "text", openai_chat),
    Case("OpenAI", "chat, streamed", "text", openai_stream),
    Case("OpenAI", "chat with tools", "call", openai_tools),
    Case("OpenAI", "chat, structured", "json", openai_parse),
    Case("OpenAI", "responses", "text", openai_responses),
    Case("OpenAI", "responses, streamed", "text", openai_responses_stream),
    Case("OpenAI", "responses with tools", "call", openai_responses_tools),
    Case("Anthropic", "messages", "text", anthropic_messages),
    Case("Anthropic", "messages, streamed", "text", anthropic_stream),
    Case("Anthropic", "messages with tools", "call", anthropic_tools),
    Case("Agents SDK", "chat, loop", "call", agent_loop(OpenAIChatCompletionsModel, False)),
    Case("Agents SDK", "chat, loop, streamed", "call", agent_loop(OpenAIChatCompletionsModel, True)),
    Case("Agents SDK", "responses, loop", "call", agent_loop(OpenAIResponsesModel, False)),
    Case("Agents SDK", "responses, loop, streamed", "call", agent_loop(OpenAIResponsesModel, True)),
    Case("LangChain", "invoke", "text", langchain_invoke),
    Case("LangChain", "stream", "text", langchain_stream),
    Case("LangChain", "tools", "call", langchain_tools),
    Case("LangChain", "structured output", "json", langchain_structured),
    Case("LangChain", "Responses API", "text", langchain_responses),
    Case("LiteLLM", "completion", "text", litellm_chat),
    Case("LiteLLM", "completion, streamed", "text", litellm_stream),
    Case("LiteLLM", "completion with tools", "call", litellm_tools),
)
BY_PROXY = tuple(
    Case("LiteLLM's proxy", f"{case.client}: {case.name}", case.context, case.ask, by_litellm=True)
    for case in DIRECT
    if case.client in ("OpenAI", "Anthropic")
)


async def warm_up(plugin: str, context: str) -> None:
    """Asks until the form of forced answers is known in a context. Until then nothing is probed."""
    async with Target(plugin, {"X-Stopgate-Context": f"task={context}"}).openai() as client:
        for number in range(30):
            question = user(f"total {100 + number}: a8 b5 c2 d9")
            replies = await asyncio.gather(
                *(client.chat.completions.create(model="reasoner", messages=question, temperature=0) for _ in range(4))
            )
            if all(reply.model_extra["stopgate"]["arm"] is not None for reply in replies):
                return
    raise SystemExit(f"no form was found in {context}")


async def play(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """Asks in all ways, and says what was seen."""

    def to(headers: Mapping[str, str], is_alone: bool = False) -> Target:
        if case.by_litellm:
            return Target(options.litellm, headers, "alone" if is_alone else "reasoner")
        return Target(options.alone if is_alone else options.plugin, headers)

    alone = await case.ask(to({}, is_alone=True))
    off = await case.ask(to({"X-Stopgate": "off"}))
    free = await case.ask(to({"X-Stopgate-Context": "task=free", "X-Stopgate-Group": uuid.uuid4().hex}))
    attempts, stopped = 0, alone
    while stopped.tokens >= alone.tokens and attempts < ATTEMPTS:  # the reasoning may end before the probe does
        attempts += 1
        group = uuid.uuid4().hex
        stopped = await case.ask(to({"X-Stopgate-Context": f"task={case.context}", "X-Stopgate-Group": group}))
    faults = []
    if off.whole != alone.whole or off.stopgate is not None:
        faults.append(f"off: {off} is not {alone}")
    if free.whole != alone.whole:
        faults.append(f"not stopped: {free} is not {alone}")
    if stopped.tokens >= alone.tokens:
        faults.append(f"none of {ATTEMPTS} was stopped")
    if stopped.kind != alone.kind:
        faults.append(f"stopped: {stopped} is not of the kind of {alone}")
    if stopped.stopgate is not None and not stopped.stopgate["stopped"]:
        faults.append(f"the field says that it was not stopped: {stopped}")
    return {
        "client": case.client, "name": case.name, "tokens": alone.tokens, "stopped_tokens": stopped.tokens,
        "attempts": attempts, "has_field": stopped.stopgate is not None, "has_id": stopped.has_id, "faults": faults,
    }  # fmt: skip


async def play_all(options: argparse.Namespace) -> None:
    """Plays all cases, one after the other."""
    for context in ("text", "call", "json", "free"):
        await warm_up(options.plugin, context)
    cases = []
    for case in (*DIRECT, *BY_PROXY):
        try:
            cases.append(await play(case, options))
        except Exception as error:
            cases.append({"client": case.client, "name": case.name, "faults": [repr(error)]})
    async with httpx.AsyncClient() as client:
        status = (await client.get(f"{options.plugin}/stopgate/status")).json()
    print(json.dumps({"cases": cases, "counts": status["counts"]}))


def main() -> None:
    """Reads the addresses, and plays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", required=True, help="vLLM without the plug-in")
    parser.add_argument("--plugin", required=True, help="vLLM with it")
    parser.add_argument("--litellm", required=True, help="LiteLLM's proxy, which calls them `alone` and `reasoner`")
    set_tracing_disabled(True)
    asyncio.run(play_all(parser.parse_args()))


if __name__ == "__main__":
    main()
