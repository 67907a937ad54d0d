"""The command `stopgate grade`."""

import argparse
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..errors import CallFailed
from .audit import as_json, audit, read_audit
from .graders import Exact, Function, Http, Json, Math, Number, Tool, function_named
from .items import Grader, NotGradable
from .journal import Journal, JournalTaken
from .judge import Judge
from .worker import Texts, Worker

_EQUALITY: Mapping[str, type[Exact] | type[Number] | type[Math] | type[Json] | type[Tool]] = {
    "exact": Exact, "number": Number, "math": Math, "json": Json, "tool": Tool,
}  # fmt: skip
_PROGRESS_SECONDS = 10.0
_STOP_SECONDS = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        grader = _grader_of(options)
        if options.audit is not None:
            return _audit(options, grader)
        return _follow(options, grader)
    except (ValueError, ImportError, AttributeError, OSError, JournalTaken, CallFailed, NotGradable) as error:
        print(f"stopgate grade: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stopgate", description="Programs of stopgate's Python package.")
    grade = parser.add_subparsers(dest="command", required=True).add_parser(
        "grade", help="label the generations that the service wants labelled"
    )
    add = grade.add_argument
    add(
        "--grader",
        required=True,
        help="exact, number, math, json, tool, judge, python:MODULE:FUNCTION, or an http(s) URL",
    )
    add(
        "--context",
        help="context key, such as model=qwen3-8b,task=chat; of a member of a pool, the pool's list is graded",
    )
    add("--url", default=os.environ.get("STOPGATE_URL", "http://localhost:8080"), help="of the service")
    add("--token", default=os.environ.get("STOPGATE_TOKEN"), help="bearer token of the service")
    add(
        "--texts",
        help="prompts and references by generation id: a file of JSON lines with generation_id, prompt and reference, "
        "or python:MODULE:FUNCTION, which is called with the id",
    )
    add("--judge-url", help="base URL of an OpenAI-compatible API, such as http://localhost:8000/v1")
    add("--judge-model", help="its model")
    add("--judge-token", default=os.environ.get("JUDGE_TOKEN"), help="its API key")
    add("--grader-token", default=os.environ.get("GRADER_TOKEN"), help="bearer token for a grader with a URL")
    add("--max-per-minute", type=float, help="limit of the generations graded")
    add("--threads", type=int, default=8, help="generations graded at once")
    add("--journal", type=Path, help="file that lists graded generations; default: stopgate-grade-CONTEXT.jsonl here")
    add("--metrics-port", type=int, help="port of 127.0.0.1 for Prometheus metrics")
    add("--until-empty", action="store_true", help="end once everything wanted is graded; status 1: some cannot be")
    add(
        "--audit",
        type=Path,
        help="grade pairs with known labels instead, and report how good the grader is: a file of JSON lines with "
        "prompt, answer, early, em and early_em",
    )
    add(
        "--level", type=float, default=0.01, help="chance that the audited miss rate is too low: a fifth of error_level"
    )
    add("--json", action="store_true", help="print the summary or the audit as JSON")
    return parser


def _grader_of(options: argparse.Namespace) -> Grader:
    name: str = options.grader
    if name in _EQUALITY:
        return _EQUALITY[name]()
    if name == "judge":
        if options.judge_url is None or options.judge_model is None:
            raise ValueError("a judge needs --judge-url and --judge-model")
        return Judge(options.judge_url, options.judge_model, options.judge_token)
    if name.startswith("python:"):
        return Function(name.removeprefix("python:"))
    if name.startswith(("http://", "https://")):
        return Http(name, options.grader_token)
    raise ValueError(f"there is no grader {name!r}: see --help")


def _audit(options: argparse.Namespace, grader: Grader) -> int:
    report = audit(read_audit(options.audit), grader, options.level)
    print(json.dumps(as_json(report)) if options.json else "\n".join(report.lines()))
    return 0


class _TextsOfFile:
    """Reads the file again when an id is missing and the file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Any]] = {}
        self._read_at: tuple[int, int] | None = None
        self._read()

    def __call__(self, generation_id: str) -> Mapping[str, Any] | None:
        if generation_id not in self._rows:
            self._read()
        return self._rows.get(generation_id)

    def _read(self) -> None:
        stat = self._path.stat()
        changed = (stat.st_mtime_ns, stat.st_size)
        if changed == self._read_at:
            return
        lines = self._path.read_text().split("\n")
        rows: dict[str, dict[str, Any]] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                rows[row["generation_id"]] = row
            except (ValueError, KeyError, TypeError) as error:
                if number == len(lines):  # it is still being written
                    break
                raise ValueError(f"{self._path}:{number}: a line needs generation_id: {error!r}") from error
        self._rows, self._read_at = rows, changed


def _texts_of(name: str | None) -> Texts | None:
    if name is None:
        return None
    return function_named(name.removeprefix("python:")) if name.startswith("python:") else _TextsOfFile(Path(name))


def _follow(options: argparse.Namespace, grader: Grader) -> int:
    if options.context is None:
        raise ValueError("name the context with --context")
    path = options.journal or Path(f"stopgate-grade-{re.sub(r'[^A-Za-z0-9._=-]', '_', options.context)}.jsonl")
    journal = Journal(path)
    worker = Worker(
        options.url, options.context, grader, journal, token=options.token, texts=_texts_of(options.texts),
        max_per_minute=options.max_per_minute, threads=options.threads,
        warn=lambda message: print(f"stopgate grade: {message}", file=sys.stderr),
    )  # fmt: skip
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop(worker))
    ended = threading.Event()
    server = None if options.metrics_port is None else _serve_metrics(options.metrics_port, worker, grader)
    progress = threading.Thread(target=_show_progress, args=(worker, grader, ended), daemon=True)
    progress.start()
    try:
        worker.run(options.until_empty)
    finally:
        ended.set()
        journal.close()
        if server is not None:
            server.shutdown()
    print(json.dumps(figures_of(worker, grader)) if options.json else _line_of(worker, grader))
    if not options.until_empty or worker.counts.unlabelled == 0:
        return 0
    print(f"stopgate grade: {worker.counts.unlabelled} generations have got no label", file=sys.stderr)
    return 1


def _stop(worker: Worker) -> None:
    """Lets items in progress end. A grader that hangs would otherwise keep the process from ending."""
    worker.stop()
    timer = threading.Timer(_STOP_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()


def figures_of(worker: Worker, grader: Grader) -> dict[str, int]:
    """The counts of a worker by name."""
    counts = worker.counts
    figures = {name: value for name, value in vars(counts).items() if isinstance(value, int)}
    figures.update({f"early_{name}": counts.verdicts[name] for name in ("lost", "tie", "gained")})
    if isinstance(grader, Judge):
        figures["judge_tokens"] = grader.tokens
        figures["known_pairs"], figures["known_pairs_wrong"] = grader.known.of, grader.known.wrong
    return figures


def _line_of(worker: Worker, grader: Grader) -> str:
    if not isinstance(grader, Judge):
        return worker.counts.line()
    known = f"known pairs wrong {grader.known.wrong} of {grader.known.of}"
    return f"{worker.counts.line()}, {known}, judge tokens {grader.tokens:,}"


def _show_progress(worker: Worker, grader: Grader, ended: threading.Event) -> None:
    is_terminal = sys.stderr.isatty()
    before = ""
    while not ended.wait(1 if is_terminal else _PROGRESS_SECONDS):
        line = _line_of(worker, grader)
        if line != before:
            print(f"\r{line}" if is_terminal else line, end="" if is_terminal else "\n", file=sys.stderr, flush=True)
        before = line


def metrics_text(worker: Worker, grader: Grader) -> str:
    """The counts as Prometheus reads them."""
    rows = figures_of(worker, grader).items()
    gauges = {"without_answers"}
    return "".join(
        f"# TYPE stopgate_grade_{name}{'' if name in gauges else '_total'} {'gauge' if name in gauges else 'counter'}\n"
        f"stopgate_grade_{name}{'' if name in gauges else '_total'} {value}\n"
        for name, value in rows
    )


def _serve_metrics(port: int, worker: Worker, grader: Grader) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metrics_text(worker, grader).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
