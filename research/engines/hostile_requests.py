"""Hostile requests to vLLM's server with the plug-in of stopgate.

Whatever a request states, the plug-in changes nothing of how vLLM answers it: the status is that of the same request
with `X-Stopgate: off`, no request brings the engine down, and the next one is served.
"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
TOKENS = 3
"""Of each reply: the requests are many."""
LONE = "\ud800"
"""Half a surrogate, which JSON may state and UTF-8 cannot."""
HUGE = 10**400

ODD_NUMBERS = (-1, -0.5, HUGE, float("nan"), float("inf"), float("-inf"), "1", None, [], {}, True, LONE)
PARAMETERS = (
    "temperature", "top_p", "min_p", "presence_penalty", "repetition_penalty", "seed", "max_tokens", "min_tokens", "n",
    "thinking_token_budget", "priority", "truncate_prompt_tokens",
)  # fmt: skip
XARGS = ("context", "group", "samples", "gold", "off", "arm", "unknown", "../x", LONE)
XARG_VALUES = ("", LONE, "%ff", "model=" + "x" * 5000, "task=a\r\nX-A: b", "%00", -1, HUGE, 1.5, [1], ["a", 2])
HEADERS = ("Context", "Group", "Samples", "Gold", "Off", "")
HEADER_VALUES = ("", "%ff", "task=" + "x" * 4000, "task=%0d%0a", "-1", "9" * 400, "task=a,task=b", "\xff\xfe", "=")


def requests() -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Path, fields and headers of each."""
    for name in PARAMETERS:
        for value in ODD_NUMBERS:
            yield CHAT, {name: value}, {}
    for name in XARGS:
        for value in XARG_VALUES:
            yield CHAT, {"vllm_xargs": {f"stopgate_{name}": value}}, {}
    for name in HEADERS:
        for value in HEADER_VALUES:
            yield CHAT, {}, {f"X-Stopgate-{name}" if name else "X-Stopgate": value}
    for value in (None, [], "x", {"stopgate_group": {"a": 1}}, {"stopgate_group": None}, {f"stopgate_{i}": "x" for i in range(2000)}):
        yield CHAT, {"vllm_xargs": value}, {}
    for bias in ({"0": 1e308}, {"-1": 100}, {"999999999": 1}, {"a": 1}, {str(i): -100 for i in range(5000)}, {"1": LONE}, [1]):
        yield CHAT, {"logit_bias": bias}, {}
    for stop in ([f"stop {i}" for i in range(20_000)], "x" * 200_000, [""], [LONE], "", [None], ["a" * 50_000] * 20):
        yield CHAT, {"stop": stop}, {}
        yield COMPLETIONS, {"stop": stop, "prompt": "total 4"}, {}
    for prompt in ([2**31], [-1], [999_999], [[1], [999_999]], [], [[]], "", LONE, [1.5], ["a", 1], "x" * 100_000, [1] * 5000, None, "<think>" * 200):
        yield COMPLETIONS, {"prompt": prompt}, {}
    for content in ("", LONE, None, "<think>" * 100, "</think>" * 100, "\x00", "x" * 100_000, [{"type": "text", "text": LONE}], [{"type": "x"}], 5):
        yield CHAT, {"messages": [{"role": "user", "content": content}]}, {}
    for messages in ([], None, [{}], [{"role": LONE, "content": "a"}], [{"role": "assistant", "content": "<think>a"}], [{"role": "user", "content": "a"}] * 500):
        yield CHAT, {"messages": messages}, {}
    for fields in (
        {"n": 1000, "max_tokens": 1, "temperature": 1, "seed": 1}, {"stop_token_ids": [-1, 2**40]}, {"stop_token_ids": list(range(5000))},
        {"allowed_token_ids": []}, {"allowed_token_ids": [-1]}, {"bad_words": [LONE]}, {"bad_words": ["a"] * 5000}, {"logprobs": True, "top_logprobs": 10**6},
        {"structured_outputs": {"regex": "(" * 500}}, {"structured_outputs": {"grammar": LONE}}, {"structured_outputs": {"choice": []}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": "#"}}}}, {"tools": [{}]}, {"tool_choice": {"a": 1}},
        {"model": LONE}, {"model": "../../etc"}, {"stream": "yes"}, {"stream": True, "stream_options": {"include_usage": LONE}}, {"chat_template": "{{ 1/0 }}"},
        {"chat_template_kwargs": {"enable_thinking": LONE}}, {"continue_final_message": True}, {"add_generation_prompt": False},
        {"kv_transfer_params": {"a": 1}}, {"request_id": LONE}, {"request_id": "same"}, {"cache_salt": LONE},
    ):  # fmt: skip
        yield CHAT, fields, {}


def status_of(client: httpx.Client, path: str, fields: dict[str, Any], headers: dict[str, str]) -> int:
    """The status of a reply that is read to its end; of a stream also whether it ends as streams do, 0: it does not."""
    own = {"messages": [{"role": "user", "content": "total 437: a8 b5 c2 d9"}]} if path == CHAT else {}
    body = json.dumps({"model": "reasoner", "max_tokens": TOKENS, "temperature": 0, **own, **fields}).encode()
    latin = {name: value.encode("latin-1") for name, value in headers.items()}
    reply = client.post(path, content=body, headers={"Content-Type": "application/json", **latin})
    is_stream = reply.headers.get("content-type", "").startswith("text/event-stream")
    return reply.status_code if not is_stream or reply.text.rstrip().endswith("[DONE]") else 0


def abort_streams(client: httpx.Client, count: int = 20) -> None:
    """Leaves streams after a few bytes."""
    body = {"model": "reasoner", "messages": [{"role": "user", "content": "total 437: a8 b5 c2 d9"}], "stream": True, "n": 2}
    for number in range(count):
        with client.stream("POST", CHAT, json=body) as reply:
            for _ in islice(reply.iter_raw(), number % 4):
                pass


def play_hostile(client: httpx.Client) -> dict[str, Any]:
    """Sends all, and says what was seen, as a shape of requests."""
    faults: list[str] = []
    count = 0
    for path, fields, headers in requests():
        count += 1
        alone = status_of(client, path, fields, {"X-Stopgate": "off"})
        status = status_of(client, path, fields, headers)
        is_refusal_of_header = bool(headers) and status == 400
        if status != alone and not is_refusal_of_header:
            faults.append(f"{path} {json.dumps(fields)[:150]} {str(headers)[:100]}: {status} instead of {alone}")
    abort_streams(client)
    if client.get("/health").status_code != 200 or status_of(client, CHAT, {}, {}) != 200:
        faults.append("the next request is not served")
    return {"name": f"{count} hostile requests", "attempts": 0, "faults": faults}
