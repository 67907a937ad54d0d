"""A fake of the vLLM server that TRL's server mode asks, with a tiny model. It has as much of its API as TRL uses."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import torch

from stopgate.rollout import Turn
from test_rollout import Engine

torch.set_num_threads(1)  # the machines that run the tests are small


class FakeVllm:
    """The server, with the calls that it got."""

    def __init__(self) -> None:
        self.engine, self.calls, self.resets, self.url = Engine(), list[dict[str, Any]](), 0, ""
        self._lock = Lock()

    def reply(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What it answers."""
        if path == "/v1/models":
            return {"data": [{"id": "tiny"}]}
        if path.startswith("/server_info"):
            return {"vllm_config": {"model_config": {"logprobs_mode": "processed_logprobs"}}}
        if path == "/reset_prefix_cache":
            self.resets += 1
        if path != "/v1/completions":
            return {}
        assert body["n"] == 1 and body["return_token_ids"] and body["return_tokens_as_token_ids"]
        with self._lock:
            self.calls.append(body)
            return {"choices": self._choices(body)}

    def _choices(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        turns = [Turn(prompt, body["max_tokens"], body["temperature"] == 0) for prompt in body["prompt"]]
        choices = []
        for turn, said in zip(turns, self.engine.say_all(turns), strict=True):
            names, levels = [f"token_id:{token}" for token in said.tokens], said.logprobs or []
            tops = [{name: level} for name, level in zip(names, levels, strict=True)]
            logprobs = {"tokens": names, "token_logprobs": levels, "top_logprobs": tops}
            choices.append({"prompt_token_ids": turn.prompt, "token_ids": said.tokens, "logprobs": logprobs})
        return choices


@contextmanager
def fake_vllm() -> Iterator[FakeVllm]:
    """Runs the server."""
    fake = FakeVllm()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("content-length", 0)))
            self._answer(json.loads(text or b"{}"))

        def _answer(self, body: dict[str, Any]) -> None:
            reply = json.dumps(fake.reply(self.path, body)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
