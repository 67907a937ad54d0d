"""Asks vLLM's server with the plug-in of stopgate in many shapes of requests.

Each is asked with `X-Stopgate: off`, in a context that stops nothing, and in one with a pinned threshold until a
generation is stopped. The first two must give the same reply. Prints one line of JSON.
"""

import argparse
import json
import re
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx

from hostile_requests import play_hostile

ATTEMPTS = 20
MODEL = "reasoner"
TEXT, CALL = "total 437: a8 b5 c2 d9", "heat hall 437: a8 b5 c2"
PROMPT = f"<|user|>{TEXT}<|assistant|><think>\n"
PARAMETERS = {"type": "object", "properties": {"room": {"type": "string"}, "level": {"type": "integer"}}}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in ("set_heat", "set_light")]
LEVEL = {"type": "object", "properties": {"level": {"enum": [452, 461]}}, "required": ["level"], "additionalProperties": False}
"""Few values, since a grammar that lets this model write on would not end."""
CALLED = [
    {"role": "user", "content": CALL},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call-1", "type": "function", "function": {"name": "set_heat", "arguments": '{"room": "hall", "level": 452}'}}]},
    {"role": "tool", "tool_call_id": "call-1", "content": "done"},
    {"role": "user", "content": TEXT},
]  # fmt: skip
MOST_TEXT = 400
"""Letters of all answers of a chat."""
JSON_LIMIT = 400
"""Tokens of any JSON, which this model goes on writing."""
SAMPLED = {"temperature": 1, "top_p": 1e-6, "seed": 0}
"""As greedy decoding, which vLLM refuses with several samples. Not `top_k`: with speculative decoding on a CPU it would
crash the engine."""
TOKENIZER = json.loads(Path("research/engines/model/boxed/weights/tokenizer.json").read_text())
CLOSING_ID = next(one["id"] for one in TOKENIZER["added_tokens"] if one["content"] == "</think>")
CHAT, COMPLETIONS, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"
Kind = Literal["text", "call", "json", "passed"]


@dataclass(frozen=True)
class Shape:
    """A request. What is `passed` is served by vLLM alone."""

    name: str
    kind: Kind
    path: str
    fields: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """With what all requests to an API have."""
        content = CALL if self.kind == "call" else TEXT
        own: dict[str, Any] = {"model": MODEL, "temperature": 0}
        if self.path == CHAT:
            own["messages"] = [{"role": "user", "content": content}]
        elif self.path == COMPLETIONS:
            own |= {"prompt": PROMPT, "max_tokens": 700}
        elif self.path == RESPONSES:
            own["input"] = content
        elif self.path == MESSAGES:
            own |= {"messages": [{"role": "user", "content": content}], "max_tokens": 700}
        return own | dict(self.fields)


def chat(name: str, kind: Kind = "text", **fields: Any) -> Shape:
    """A chat."""
    return Shape(f"chat, {name}" if name else "chat", kind, CHAT, fields)


def formatted(form: dict[str, Any]) -> dict[str, Any]:
    """A field of chats."""
    return {"response_format": form}


STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
SHAPES = (
    chat(""),
    chat("streamed", **STREAMED),
    chat("usage in each chunk", stream=True, stream_options={"include_usage": True, "continuous_usage_stats": True}),
    chat("four samples", n=4, **SAMPLED),
    chat("two samples, streamed", n=2, **SAMPLED, **STREAMED),
    chat("sampled with a seed", temperature=0.7, seed=5),
    chat("log-probabilities", logprobs=True, top_logprobs=2),
    chat("log-probabilities, streamed", logprobs=True, top_logprobs=2, **STREAMED),
    chat("stop string in the answer", stop=["boxed"]),
    chat("stop string, streamed", stop=["boxed"], **STREAMED),
    chat("max_completion_tokens", max_completion_tokens=400),
    chat("min_tokens", min_tokens=30),
    chat("min_tokens, streamed", min_tokens=60, **STREAMED),
    chat("penalties", presence_penalty=0.1, frequency_penalty=0.1, repetition_penalty=1.05),
    chat("sampled", temperature=0.3, top_p=0.9, top_k=5, min_p=0.05, seed=3),
    chat("bias of another token", logit_bias={"5": -1}),
    chat("bad word", bad_words=["zz"]),
    chat("special tokens shown", skip_special_tokens=False),
    chat("stop string in the output", stop=["boxed"], include_stop_str_in_output=True),
    chat("repetition detected", repetition_detection={"max_pattern_size": 8, "min_pattern_size": 2, "min_count": 20}),
    chat("prompt truncated", truncate_prompt_tokens=200),
    chat("outputs of several tokens", stream_interval=4, **STREAMED),
    chat("thinking_token_budget", thinking_token_budget=90),
    chat("priority", priority=3),
    chat("reasoning_effort", reasoning_effort="low"),
    chat("cache_salt", cache_salt="a"),
    chat("empty logit_bias", logit_bias={}),
    chat("token ids returned", return_token_ids=True),
    chat("reasoning not returned", include_reasoning=False),
    chat("turn after a tool's result", messages=CALLED),
    chat("no tool wanted", tools=TOOLS, tool_choice="none"),
    chat("tools", "call", tools=TOOLS),
    chat("tools, streamed", "call", tools=TOOLS, **STREAMED),
    chat("tool required", "call", tools=TOOLS, tool_choice="required"),
    chat("tool named", "call", tools=TOOLS, tool_choice={"type": "function", "function": {"name": "set_heat"}}),
    chat("JSON schema", "json", **formatted({"type": "json_schema", "json_schema": {"name": "level", "schema": LEVEL}})),
    chat("JSON object", "json", max_tokens=JSON_LIMIT, **formatted({"type": "json_object"})),
    chat("choice", "json", structured_outputs={"choice": ["452", "461"]}),
    chat("regular expression", "json", structured_outputs={"regex": "4(52|61)"}),
    chat("grammar", "json", structured_outputs={"grammar": 'root ::= "452" | "461"'}),
    Shape("chats in a batch", "text", f"{CHAT}/batch", {"messages": [[{"role": "user", "content": TEXT}]] * 2}),
    Shape("completion", "text", COMPLETIONS, {}),
    Shape("completion, streamed", "text", COMPLETIONS, STREAMED),
    Shape("completion of two prompts", "text", COMPLETIONS, {"prompt": [PROMPT, PROMPT.replace("437", "438")]}),
    Shape("completion, log-probabilities", "text", COMPLETIONS, {"logprobs": 2}),
    Shape("responses", "text", RESPONSES, {}),
    Shape("responses, streamed", "text", RESPONSES, {"stream": True}),
    Shape("responses, tools", "call", RESPONSES, {"tools": [{"type": "function", "strict": False, **TOOLS[0]["function"]}]}),
    Shape("responses, JSON schema", "json", RESPONSES, {
        "text": {"format": {"type": "json_schema", "name": "level", "schema": LEVEL, "strict": True}}}),
    Shape("messages", "text", MESSAGES, {}),
    Shape("messages, streamed", "text", MESSAGES, {"stream": True}),
    Shape("messages, tools", "call", MESSAGES, {"tools": [{"name": "set_heat", "input_schema": PARAMETERS}]}),
    Shape("chat, rank of data parallelism", "text", CHAT, {}, {"X-data-parallel-rank": "0"}),
    chat("beam search", "passed", use_beam_search=True, n=2, max_tokens=40),
    chat("log-probabilities of the prompt", "passed", prompt_logprobs=1),
    chat("stop string </think>", "passed", stop=["</think>"]),
    chat("stop string of the closing's end", "passed", stop=["\n\nThe"]),
    chat("stop token </think>", "passed", stop_token_ids=[CLOSING_ID]),
    chat("bias that bans </think>", "passed", logit_bias={str(CLOSING_ID): -100}, max_tokens=100),
    chat("bad word </think>", "passed", bad_words=["</think>"], max_tokens=100),
    chat("tokens without </think>", "passed", allowed_token_ids=[one for one in range(20) if one != CLOSING_ID], max_tokens=100),
    chat("no end of sequence", "passed", ignore_eos=True, max_tokens=200),
    Shape("completion, stop string </think>", "passed", COMPLETIONS, {"stop": ["</think>"]}),
    Shape("completion, echo", "text", COMPLETIONS, {"echo": True}),
    Shape("messages, stop sequence </think>", "passed", MESSAGES, {"stop_sequences": ["</think>"]}),
)  # fmt: skip

VOLATILE = ("id", "created", "signature", "stopgate", "prompt_tokens_details", "input_tokens", "cache_")
"""Beginnings of the names of fields that two equal requests do not share. The last three depend on what was cached."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """What a reply says, with the place of each."""
    if isinstance(value, dict):
        for name, one in value.items():
            if not name.startswith(VOLATILE) and not name.endswith("_id") and not name.endswith("_at"):
                yield from leaves(one, (*path, name))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from leaves(one, (*path, place))
    elif isinstance(value, float):
        yield path, round(value, 2)  # log-probabilities differ with the batch
    elif value is not None:
        yield path, value


DELTAS = ("content", "reasoning", "text", "thinking", "partial_json", "arguments", "delta")


def is_answer(path: tuple[Any, ...], reply: Mapping[str, Any]) -> bool:
    """Whether a text at this place of a reply, or of this kind of event, is no reasoning."""
    is_reasoning = path[0] == "output" and len(path) > 1 and reply["output"][path[1]]["type"] == "reasoning"
    return not is_reasoning and not any("reasoning" in str(one) or "thinking" in str(one) for one in path)


@dataclass
class Said:
    """What is compared of a reply; for a stream its texts, its log-probabilities and what ended it."""

    whole: Any
    samples: list[bool]
    """Whether each sample was stopped, by the field `stopgate`."""
    answer: str
    """All texts but the reasoning."""
    called: set[str]
    """Names of the functions that are called."""

    @property
    def stopped(self) -> bool:
        """Whether a sample was stopped."""
        return any(self.samples)

    @classmethod
    def of(cls, events: list[Any]) -> "Said":
        """Reads the events of a stream, or the one object of another reply."""
        flags = [one for event in events for one in flags_of(event)]
        found = [leaf for event in events for leaf in leaves(event)]
        called = {value for path, value in found if path[-1] == "name" and "tools" not in path}
        if len(events) == 1:
            said = (str(value) for path, value in found if path[-1] in DELTAS and is_answer(path, events[0]))
            return cls(found, flags, "".join(said), called)
        parts: dict[tuple[Any, ...], str] = defaultdict(str)
        last: dict[tuple[Any, ...], Any] = {}
        for event in events:
            index = [choice.get("index", 0) for choice in event.get("choices") or ()]
            for path, value in leaves(event):
                if path[-1] in DELTAS and isinstance(value, str):
                    parts[(*index, event.get("type"), path[-1])] += value
                elif path[-1] in ("finish_reason", "stop_reason", "completion_tokens", "output_tokens"):
                    last[(*index, path[-1])] = value
                elif "logprobs" in path:
                    parts[(*index, "logprobs")] += f"{path[-1]}={value} "
        said = (text for path, text in parts.items() if is_answer(path, {"output": ()}))  # samples come by turns
        return cls((dict(parts), last), flags, "\n".join(said), called)


def flags_of(value: Any) -> Iterator[bool]:
    """Whether each sample was stopped, by the fields `stopgate` of a reply."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name == "stopgate" and isinstance(one, dict):
                yield from (bool(sample.get("stopped")) for sample in one.get("samples") or [one])
            else:
                yield from flags_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from flags_of(one)


def ask(client: httpx.Client, shape: Shape, headers: Mapping[str, str]) -> Said:
    """Asks once."""
    reply = client.post(shape.path, json=shape.body, headers={**shape.headers, **headers})
    if reply.status_code != 200:
        raise RuntimeError(f"{reply.status_code}: {reply.text[:300]}")
    if not reply.headers["content-type"].startswith("text/event-stream"):
        return Said.of([reply.json()])
    lines = [line.removeprefix("data:").strip() for line in reply.text.splitlines() if line.startswith("data:")]
    return Said.of([json.loads(line) for line in lines if line != "[DONE]"])


def fault_of(shape: Shape, stopped: Said) -> str | None:
    """What is wrong with a reply of which a sample was stopped."""
    body = shape.body
    count = body.get("n", 1) if shape.path == CHAT else len(body["prompt"]) if isinstance(body.get("prompt"), list) else 1
    count = 2 if shape.path.endswith("/batch") else count
    if len(stopped.samples) != count:
        return f"{len(stopped.samples)} samples instead of {count}"
    if shape.kind == "call":
        return None if "set_heat" in stopped.called else "there is no call"
    if shape.kind == "json":
        wanted = r"\s*\{" if body.get("max_tokens") == JSON_LIMIT else r'\s*(\{\s*"level"\s*:\s*)?4(52|61)'
        return None if re.match(wanted, stopped.answer) else "there is no level"
    if body.get("messages") == CALLED:
        return None if stopped.answer else "there is no text"  # this model does not know such turns
    if len(stopped.answer) > MOST_TEXT and shape.path == CHAT and "logprobs" not in body:
        return "the answer goes on and on"
    answers = stopped.answer.count("final answer is")  # a stop string cuts it off before its number
    return None if answers >= count else f"{answers} answers instead of {count}"


def play(client: httpx.Client, shape: Shape) -> dict[str, Any]:
    """Asks in all ways, and says what was seen."""

    def asked(context: str) -> Said:
        return ask(client, shape, {"X-Stopgate-Context": f"task={context}", "X-Stopgate-Group": uuid.uuid4().hex})

    off, free = ask(client, shape, {"X-Stopgate": "off"}), asked("free")
    faults, attempts = [], 0
    if free.whole != off.whole:
        faults.append(f"not stopped: {free.whole} is not {off.whole}")
    if shape.kind != "passed":
        stopped = free
        while not stopped.stopped and attempts < ATTEMPTS:  # the reasoning may end before the probe does
            stopped, attempts = asked(shape.kind), attempts + 1
        if not stopped.stopped:
            faults.append(f"none of {ATTEMPTS} was stopped")
        elif fault := fault_of(shape, stopped):
            faults.append(f"stopped, {fault}: {stopped.whole}")
    elif free.samples:
        faults.append(f"it was followed: {free.samples}")
    return {"name": shape.name, "attempts": attempts, "faults": faults}


def warm_up(client: httpx.Client) -> None:
    """Asks until the form of forced answers is known where a threshold is pinned. Until then nothing is probed."""
    for context in ("text", "call", "json", "free"):
        for number in range(100):
            body = {**SHAPES[0].body, "messages": [{"role": "user", "content": f"total {100 + number}: a8 b5 c2 d9"}]}
            reply = client.post(CHAT, json=body, headers={"X-Stopgate-Context": f"task={context}"})
            if (reply.json().get("stopgate") or {}).get("arm") is not None:
                break
            if client.get("/stopgate/status").json()["circuit"] != "closed":
                time.sleep(0.5)  # it has no rules yet
        else:
            raise SystemExit(f"no form was found in {context}")


def main() -> None:
    """Reads the address, and plays all shapes, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plugin", required=True, help="vLLM with the plug-in")
    options = parser.parse_args()
    played = []
    with httpx.Client(base_url=options.plugin, timeout=120) as client:
        warm_up(client)
        for shape in SHAPES:
            print(shape.name, file=sys.stderr)
            try:
                played.append(play(client, shape))
            except Exception as error:
                played.append({"name": shape.name, "attempts": 0, "faults": [repr(error)]})
        print("hostile requests", file=sys.stderr)
        try:
            played.append(play_hostile(client))
        except Exception as error:
            played.append({"name": "hostile requests", "attempts": 0, "faults": [repr(error)]})
        counts = client.get("/stopgate/status").json()["counts"]
    print(json.dumps({"shapes": played, "counts": counts}))


if __name__ == "__main__":
    main()
