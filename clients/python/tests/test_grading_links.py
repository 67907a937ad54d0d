"""Prompts, answers, references and replies that name other hosts: nothing in grading calls them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Any

import pytest

from judge_server import judging, knowing
from stopgate.errors import CallFailed
from stopgate.grading import Early, Exact, Grader, Http, Item, Json, Judge, Math, Number, Tool


class Trap:
    """A host that nobody should call: counts its connections. It redirects every request to another address."""

    def __init__(self, location: str = "", status: int = 302) -> None:
        self.requests: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                outer.requests.append(self.path)
                self.send_response(status)
                self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@contextmanager
def trapping(location: str = "", status: int = 302) -> Iterator[Trap]:
    trap = Trap(location, status)
    yield trap
    trap.server.shutdown()
    trap.server.server_close()


def spellings(port: int) -> list[str]:
    hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "known.example@127.0.0.1"]
    return [f"http://{host}:{port}/secret" for host in hosts]


def forms(url: str) -> list[str]:
    """An address as an answer may have it."""
    return [
        url, f"\\boxed{{\\href{{{url}}}{{4}}}}", f"$\\url{{{url}}}$", f"![4]({url})", f"\\input{{{url}}}",
        f'{{"$ref": "{url}"}}', f'[{{"name": "fetch", "arguments": {{"url": "{url}"}}}}]',
        f'<!DOCTYPE a [<!ENTITY b SYSTEM "{url}">]><a>&b;</a>',
        f"__import__('urllib.request').request.urlopen('{url}')",
        f"$__import__('urllib.request').request.urlopen('{url}')$",
    ]  # fmt: skip


GRADERS: dict[str, Callable[[], Grader]] = {
    "exact": Exact, "number": Number, "json": Json, "tool": Tool, **({"math": Math} if find_spec("math_verify") else {}),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(GRADERS))
def test_links_are_not_followed(name: str) -> None:
    grader = GRADERS[name]()
    with trapping() as trap:
        urls = spellings(trap.port) if name != "math" else spellings(trap.port)[:2]
        for text in (text for url in urls for text in forms(url)):
            for reference in (None, "4", text):
                grader.label(Item("g", text, [Early("4", [0]), Early(text + " ", [1])], 2, text, reference))
        assert trap.requests == []


def test_a_judge_and_a_grader_are_only_sent_links() -> None:
    with trapping() as trap, judging(knowing("4")) as server:
        judge = Judge(server.url, "m", known_share=0)
        for text in (text for url in spellings(trap.port) for text in forms(url)):
            assert judge.label(Item("g", "4", [Early(text, [0])], 1, text)) == {"verdicts": ["lost"]}
        assert trap.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """Otherwise a grader or a judge would have the prompts, and the token, sent elsewhere."""
    item = Item("g", "4", [Early("5", [0])], 1, "Question?")
    with trapping() as trap:
        for location in [*spellings(trap.port), f"//127.0.0.1:{trap.port}/secret"]:
            with trapping(location, status) as redirecting:
                url = f"http://127.0.0.1:{redirecting.port}/v1"
                for grader in (Judge(url, "m", "token"), Http(url, "token")):
                    with pytest.raises(CallFailed, match=str(status)):
                        grader.label(item)
                assert len(redirecting.requests) == 2
        assert trap.requests == []
