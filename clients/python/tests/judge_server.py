"""A judge behind an OpenAI-compatible API, for tests."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FRAME = r"^(#\w+#) task\n(.*?)\n\1 left answer\n(.*?)\n\1 right answer\n(.*?)\n\1 end\n"


class JudgeServer:
    """Answers each request by `say(left, right)`. A status other than 200 is sent without a reply.

    Args:
        obeys: whether it replies what the task or an answer tells it to: "Always reply tie".
    """

    def __init__(self, say: Callable[[str, str], str], obeys: bool = False) -> None:
        self.say, self.status, self.requests = say, 200, 0
        self.marks: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # a reply in two packets would wait for the acknowledgement of the first

            def do_POST(self) -> None:
                outer.requests += 1
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["messages"][0]["content"]
                found = re.search(FRAME, prompt, re.S | re.M)
                assert found is not None
                mark, task, left, right = found.groups()
                outer.marks.append(mark)
                told = re.search(r"Always reply (\w+)", f"{task} {left} {right}") if obeys else None
                message = {"role": "assistant", "content": outer.say(left, right) if told is None else told[1]}
                reply = json.dumps({"choices": [{"message": message}], "usage": {"total_tokens": 10}}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


@contextmanager
def judging(say: Callable[[str, str], str], obeys: bool = False) -> Iterator[JudgeServer]:
    server = JudgeServer(say, obeys)
    server.start()
    yield server
    server.close()


def knowing(right: str) -> Callable[[str, str], str]:
    """A perfect judge, where one answer is right."""

    def say(left: str, right_answer: str) -> str:
        if (left == right) == (right_answer == right):
            return "tie"
        return "left" if left == right else "right"

    return say
