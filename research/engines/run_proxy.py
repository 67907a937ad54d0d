"""Runs a test model in a model server by OpenAI's client: each prompt directly, and through `stopgate proxy`.

With `--plugin` the server itself stops reasoning, in every API by turns, and `X-Stopgate: off` marks direct requests.
Prints figures as one line of JSON.
"""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
from figures import Figures, print_figures, sum_figures

sys.path.insert(0, str(Path(__file__).parent / "model"))

from reasoner.models import MODELS, ModelSpec
from reasoner.prompts import Prompt, prompts

SERVED_NAME = "reasoner"


@dataclass
class Reply:
    """What the client saw of a reply. Times in seconds."""

    thought: str = ""
    answer: str = ""
    tokens: int = 0
    stopgate: dict[str, Any] = field(default_factory=dict)
    first_token: float | None = None
    """From the request to the first chunk with text, of a stream."""
    api: str = "stream"

    @property
    def decoded(self) -> int:
        """Tokens that the engine decoded, without probes.

        The usage of vLLM with the plug-in leaves out what was discarded, unless a stream has shown it.
        """
        samples = self.stopgate.get("samples") or [self.stopgate]
        own = [one["tokens"] for one in samples if "tokens" in one]
        return sum(own) if any(one.get("stopped") for one in samples) else self.tokens


@dataclass
class Played:
    """Replies in the order of the prompts, and the seconds that they took."""

    replies: list[Reply] = field(default_factory=list)
    seconds: float = 0.0


async def ask(client: openai.AsyncOpenAI, prompt: Prompt, headers: dict[str, str], extra: dict[str, str]) -> Reply:
    """One greedy chat. `extra` are further fields of the request."""
    reply, began = Reply(), time.perf_counter()
    chunks = await client.chat.completions.create(
        model=SERVED_NAME,
        messages=[{"role": "user", "content": prompt.content}],
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers=headers,
        extra_body=extra,
    )
    async for chunk in chunks:
        for choice in chunk.choices:
            more = choice.delta.model_extra or {}
            thought = more.get("reasoning") or more.get("reasoning_content") or ""
            answer = choice.delta.content or ""
            if reply.first_token is None and thought + answer:
                reply.first_token = time.perf_counter() - began
            reply.thought += thought
            reply.answer += answer
        if chunk.usage is not None:
            reply.tokens = chunk.usage.completion_tokens
        reply.stopgate |= (chunk.model_extra or {}).get("stopgate") or {}
    return reply


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"room": {"type": "string"}, "level": {"type": "integer"}}}}}
    for name in ("set_light", "set_heat")
]  # fmt: skip


def in_json(prompt: Prompt) -> dict[str, Any]:
    """A JSON schema for the answer, which leaves few values: a grammar that lets these models write on would not end."""
    other = prompt.answer[:-1] + ("0" if prompt.answer[-1] != "0" else "1")
    answer = {"type": "string", "enum": [prompt.answer, other]}
    schema = {"type": "object", "properties": {"answer": answer}, "required": ["answer"], "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def answer_of(spec: ModelSpec, prompt: Prompt, reply: Reply) -> str:
    """The answer in a reply, as the prompt states the right one."""
    if reply.api == "tools":
        return reply.answer
    if reply.api != "schema":
        return spec.extract(reply.answer)
    try:
        return str(json.loads(reply.answer)["answer"])
    except ValueError:
        return ""  # it was cut off


async def ask_in_one(
    client: openai.AsyncOpenAI, api: str, prompt: Prompt, headers: dict[str, str], extra: dict[str, Any]
) -> Reply:
    """One greedy request that is not streamed, to an API of vLLM's server; of the chats some have more to them."""
    messages = [{"role": "user", "content": prompt.content}]
    fields = {"model": SERVED_NAME, "temperature": 0, **extra}
    if api == "responses":
        said = await client.responses.create(input=prompt.content, extra_headers=headers, extra_body=extra, model=SERVED_NAME, temperature=0)
        reply = Reply("", said.output_text, said.usage.output_tokens, (said.model_extra or {}).get("stopgate") or {}, api=api)
        reply.thought = "".join(part.text for item in said.output if item.type == "reasoning" for part in item.content or ())
        return reply
    if api == "messages":
        body = {**fields, "messages": messages, "max_tokens": 700}
        got = await client.post("/messages", cast_to=dict[str, Any], body=body, options={"headers": headers})
        texts = {kind: "".join(part.get(kind, "") for part in got["content"]) for kind in ("thinking", "text")}
        return Reply(texts["thinking"], texts["text"], got["usage"]["output_tokens"], got.get("stopgate", {}), api=api)
    more: dict[str, Any] = {"temperature": 0}
    if api == "tools":
        more["tools"] = TOOLS
    elif api == "schema":
        more["response_format"] = in_json(prompt)
    elif api == "samples":  # which vLLM refuses with a temperature of 0
        more = {"n": 4, "temperature": 1, "top_p": 1e-6, "seed": 0}
    said = await client.chat.completions.create(messages=messages, extra_headers=headers, extra_body=extra, model=SERVED_NAME, **more)
    stopgate = (said.model_extra or {}).get("stopgate") or {}
    if "samples" in stopgate:
        samples = stopgate["samples"]
        is_stopped = any(one["stopped"] for one in samples)
        probe_tokens = sum(one["probe_tokens"] for one in samples)
        stopgate = {**samples[0], "stopped": is_stopped, "probe_tokens": probe_tokens, "samples": samples}
    message = said.choices[0].message
    calls = [f'{{"name": "{one.function.name}", "arguments": {one.function.arguments}}}' for one in message.tool_calls or ()]
    thought = (message.model_extra or {}).get("reasoning") or ""
    return Reply(thought, "\n".join(calls) or message.content or "", said.usage.completion_tokens, stopgate, api=api)


APIS = ("stream", "chat", "responses", "messages", "samples")
SCHEMA_TASK = "json"
"""Level of the context of replies with a schema, whose answers have a form of their own."""


def api_of(prompt: Prompt, options: argparse.Namespace) -> str:
    """How a prompt is asked: in vLLM with the plug-in in each way by turns."""
    if prompt.task == "call":
        return "tools"
    if not options.plugin:
        return "stream"
    apis = (*APIS, "schema") if options.schema else APIS
    return apis[int(prompt.id.rpartition("-")[2]) // options.tasks % len(apis)]


def headers_of(prompt: Prompt, api: str, is_labelled: bool) -> dict[str, str]:
    """The headers that the proxy and the plug-in read."""
    task = SCHEMA_TASK if api == "schema" else prompt.task
    gold = json.dumps({"answer": prompt.answer}) if api == "schema" else prompt.answer
    return {"X-Stopgate-Context": f"task={task}", **({"X-Stopgate-Gold": gold} if is_labelled else {})}


async def play(
    played: Played, client: openai.AsyncOpenAI, some: list[Prompt], options: argparse.Namespace, is_labelled: bool, **extra: str
) -> None:
    """Asks all of `some`, so many at a time as the options say."""
    slots = asyncio.Semaphore(options.concurrency)

    async def one(prompt: Prompt) -> Reply:
        async with slots:
            api = api_of(prompt, options)
            headers = headers_of(prompt, api, is_labelled)
            if api == "stream":
                return await ask(client, prompt, headers, extra)
            return await ask_in_one(client, api, prompt, headers, extra)

    began = time.perf_counter()
    played.replies += await asyncio.gather(*map(one, some))
    played.seconds += time.perf_counter() - began


async def warm_up(client: openai.AsyncOpenAI, prompt: Prompt, options: argparse.Namespace) -> None:
    """In vLLM the first stream takes seconds longer, and the first log-probabilities, which a probe asks for."""
    async with asyncio.TaskGroup() as group:
        for _ in range(options.concurrency):
            group.create_task(ask(client, prompt, headers_of(prompt, "stream", False), {}))
            group.create_task(client.completions.create(model=SERVED_NAME, prompt="a", max_tokens=1, logprobs=1))


async def play_in_turns(options: argparse.Namespace, asked: list[Prompt]) -> tuple[Played, Played]:
    """Asks directly and through the proxy by turns, so that a machine that slows down slows down both."""
    full, served = Played(), Played()

    def connect(url: str, headers: dict[str, str]) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=2, timeout=120, default_headers=headers)

    off = {"X-Stopgate": "off"} if options.plugin else {}
    async with connect(options.direct, off) as direct, connect(options.proxy, {}) as proxied:
        await warm_up(direct, asked[0], options)
        for first in range(0, len(asked), options.turn):
            some = asked[first : first + options.turn]
            # With the salt, vLLM keeps what it caches here from the proxy's requests.
            await play(full, direct, some, options, False, cache_salt="direct")
            await play(served, proxied, some, options, not options.unlabelled)
    return full, served


def first_token(played: Played) -> float:
    """The upper median time to the first token of streams, in seconds."""
    times = sorted(reply.first_token for reply in played.replies if reply.first_token is not None) or [0.0]
    return times[len(times) // 2]


def main() -> None:
    """Plays all prompts and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--direct", required=True)
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--model", choices=list(MODELS), default="single", help="the model (default single)")
    parser.add_argument("--generations", type=int, required=True)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--turn", type=int, default=40, help="generations of a turn (default 40)")
    parser.add_argument("--task", action="append", help="a task to ask (default: those of the model)")
    parser.add_argument("--plugin", action="store_true", help="the server itself stops reasoning")
    parser.add_argument("--schema", action="store_true", help="with --plugin: ask some chats for JSON by a schema, too")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unlabelled", action="store_true")
    options = parser.parse_args()
    spec = MODELS[options.model]
    asked = list(prompts(spec, options.seed, options.generations, options.task))
    options.tasks = len(options.task or spec.asked)
    full, served = asyncio.run(play_in_turns(options, asked))
    tasks: dict[str, list[Figures]] = {}
    apis: dict[str, list[Figures]] = {}
    for prompt, direct, reply in zip(asked, full.replies, served.replies, strict=True):
        said = reply.stopgate
        stopped, probe_tokens = bool(said.get("stopped")), said.get("probe_tokens", 0)
        full_right, right = (answer_of(spec, prompt, one) == prompt.answer for one in (direct, reply))
        figures = Figures(
            generations=1,
            control=said.get("arm") == "control",
            stopped=stopped,
            full_tokens=direct.tokens,
            tokens=reply.decoded if options.plugin else reply.tokens,
            probe_tokens=probe_tokens,
            probes=round(probe_tokens / spec.probe_tokens),
            full_right=full_right,
            right=right,
            stopped_full_right=stopped and full_right,
            stopped_right=stopped and right,
            changed=not stopped and (direct.thought, direct.answer) != (reply.thought, reply.answer),
        )
        tasks.setdefault(SCHEMA_TASK if reply.api == "schema" else prompt.task, []).append(figures)
        apis.setdefault(reply.api, []).append(figures)
    first = {"full": first_token(full), "served": first_token(served)}
    by_api = {api: sum_figures(each) for api, each in sorted(apis.items())}
    print_figures(tasks, full.seconds, served.seconds, first_token=first, apis=by_api)


if __name__ == "__main__":
    main()
