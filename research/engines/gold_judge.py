"""A judge that knows the right answers, behind OpenAI's chat API: the stand-in for a large model that compares answers.

With `--wrong 0.1` one reply in ten names another side than it should, except for pairs whose verdict any judge knows. It prints its address, then serves until it is
ended.
"""

import argparse
import json
import random
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "model"))

from reasoner.models import MODELS, ModelSpec
from reasoner.prompts import prompts

SIDES = ("left", "right", "tie")
CHARACTERS_PER_TOKEN = 4
"""About that of English text in the tokenizers of large models."""


FRAME = re.compile(r"^(#\w+#) task\n(.*?)\n\1 left answer\n(.*?)\n\1 right answer\n(.*?)\n\1 end\n", re.S | re.M)
NO_ANSWER = "(no answer)"


def read(content: str) -> tuple[str, str, str]:
    """The task and both answers in a request of `stopgate.grading.judge.INSTRUCTIONS`."""
    found = FRAME.search(content)
    if found is None:
        raise ValueError("this is no request to compare answers")
    return found[2], found[3], found[4]


def is_known(left: str, right: str) -> bool:
    """Whether any judge would know the verdict: it errs in others alone."""
    return left == right or NO_ANSWER in (left, right)


def side_of(spec: ModelSpec, gold: dict[str, str], content: str) -> str:
    """The better answer in a request."""
    prompt, left, right = read(content)
    if is_known(left, right):
        return "tie" if left == right else "right" if left == NO_ANSWER else "left"
    answer = gold[max((asked for asked in gold if asked in prompt), key=len)]  # one prompt may contain another
    is_left, is_right = (answer in (said.strip(), spec.extract(said)) for said in (left, right))
    return "tie" if is_left == is_right else "left" if is_left else "right"


def main() -> None:
    """Serves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(MODELS), required=True, help="whose prompts are judged")
    parser.add_argument("--generations", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--task", action="append")
    parser.add_argument("--wrong", type=float, default=0.0, help="share of wrong replies (default 0)")
    options = parser.parse_args()
    spec, rng = MODELS[options.model], random.Random(options.seed)
    gold = {one.content: one.answer for one in prompts(spec, options.seed, options.generations, options.task)}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content: str = asked["messages"][0]["content"]
            side = side_of(spec, gold, content)
            if not is_known(*read(content)[1:]) and rng.random() < options.wrong:
                side = rng.choice([other for other in SIDES if other != side])
            tokens = len(content) // CHARACTERS_PER_TOKEN + 1
            body: Any = {"choices": [{"message": {"role": "assistant", "content": side}}], "usage": {"total_tokens": tokens}}
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
