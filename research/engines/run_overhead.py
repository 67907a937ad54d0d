"""Measures what vLLM's plug-in costs while nothing is stopped, by `vllm bench serve` on servers with and without it.

Both servers run; load goes to one at a time, in pairs whose order alternates. Each pair has prompts of its own. Prints
for each concurrency the ratios of the pairs, with to without, as their geometric mean and its 95 % interval. Where a
machine has other load, the processor time of the server is the steadier measure.
"""

import argparse
import asyncio
import contextlib
import io
import json
import math
import statistics
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from vllm.benchmarks.serve import add_cli_args, main_async
from vllm.utils.argparse_utils import FlexibleArgumentParser

sys.path.insert(0, str(Path(__file__).parent / "model"))

from reasoner.models import MODELS
from reasoner.prompts import prompts

CONTEXT = "task=bench"
METRICS = {
    "throughput": "output_throughput", "cpu": "cpu", "api_cpu": "api_cpu", "ttft": "mean_ttft_ms",
    "tpot": "mean_tpot_ms", "median_ttft": "median_ttft_ms", "median_tpot": "median_tpot_ms",
}  # fmt: skip
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t at 0.975, from one degree of freedom on (NIST/SEMATECH e-Handbook, 1.3.6.7.2)."""


def student(freedom: int) -> float:
    """The quantile; beyond nine degrees of freedom that of nine, which is larger."""
    return STUDENT[min(freedom, len(STUDENT)) - 1]


def server_of(url: str) -> psutil.Process:
    """The process that listens at an address."""
    port = urlsplit(url).port
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in process.net_connections()):
                return process
    raise SystemExit(f"no process listens at {url}")


def seconds_of(processes: list[psutil.Process]) -> float:
    """Processor time that processes have used so far, in seconds."""
    return sum(one.cpu_times().user + one.cpu_times().system for one in processes)


async def bench(url: str, path: Path, count: int, concurrency: int, options: argparse.Namespace) -> dict[str, Any]:
    """One run of `vllm bench serve`."""
    parser = FlexibleArgumentParser()
    add_cli_args(parser)
    words = [
        "--backend", "openai-chat", "--endpoint", "/v1/chat/completions", "--base-url", url, "--model", "reasoner",
        "--tokenizer", options.weights, "--dataset-name", "custom", "--dataset-path", str(path), "--disable-shuffle",
        "--skip-chat-template", "--custom-output-len", "700", "--num-prompts", str(count), "--temperature", "0",
        "--max-concurrency", str(concurrency), "--disable-tqdm", "--num-warmups", str(concurrency),
        "--header", f"X-Stopgate-Context={CONTEXT}",
    ]  # fmt: skip
    server = server_of(url)
    every = [server, *server.children(recursive=True)]
    before = seconds_of(every), seconds_of([server])
    with contextlib.redirect_stdout(io.StringIO()):
        result: dict[str, Any] = await main_async(parser.parse_args(words))
    # Of the whole server, and of its process in which the plug-in runs.
    result["cpu"], result["api_cpu"] = seconds_of(every) - before[0], seconds_of([server]) - before[1]
    if result["completed"] != count:
        raise SystemExit(f"{result['completed']} of {count} requests were served")
    return result


def find_form(url: str, questions: list[str]) -> None:
    """Asks until the form of forced answers is known: before it nothing is probed, and generations have no arm."""
    for question in questions:
        body = {"model": "reasoner", "temperature": 0, "messages": [{"role": "user", "content": question}]}
        headers = {"content-type": "application/json", "X-Stopgate-Context": CONTEXT}
        request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as reply:
            if json.load(reply)["stopgate"]["arm"] is not None:
                return
    raise SystemExit("no form was found")


def summary(ratios: list[float]) -> dict[str, float]:
    """The geometric mean of ratios, and its 95 % interval by Student's t of their logarithms."""
    logs = [math.log(one) for one in ratios]
    mean = statistics.fmean(logs)
    error = student(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return {"ratio": math.exp(mean), "low": math.exp(mean - error), "high": math.exp(mean + error)}


async def play(options: argparse.Namespace) -> None:
    """Runs all pairs, by turns of the concurrencies."""
    spec, asked, results = MODELS[options.model], 0, dict[int, list[dict[str, float]]]()
    find_form(options.plugin, [one.content for one in prompts(spec, 1000, 200)])
    levels = dict[int, dict[str, list[dict[str, Any]]]]()
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(options.pairs):
            for concurrency in options.concurrency:
                count = options.requests if concurrency > 1 else max(1, options.requests // 4)
                asked += 1
                path = Path(folder, "prompts.jsonl")
                some = prompts(spec, 1000 + asked, count)
                path.write_text("".join(json.dumps({"prompt": one.content}) + "\n" for one in some))
                both: dict[str, dict[str, Any]] = {}
                for name in ("alone", "plugin") if pair % 2 == 0 else ("plugin", "alone"):
                    both[name] = await bench(getattr(options, name), path, count, concurrency, options)
                if both["alone"]["total_output_tokens"] != both["plugin"]["total_output_tokens"]:
                    raise SystemExit("the two servers wrote different numbers of tokens")
                ratios = {name: float(both["plugin"][key] / both["alone"][key]) for name, key in METRICS.items()}
                results.setdefault(concurrency, []).append(ratios)
                for name, one in both.items():
                    levels.setdefault(concurrency, {}).setdefault(name, []).append(one)
                print(f"pair {pair + 1}, {concurrency} at a time: {ratios}", file=sys.stderr)
    print(json.dumps([
        {
            "concurrency": concurrency,
            "pairs": len(pairs),
            "requests": sum(one["completed"] for one in levels[concurrency]["plugin"]),
            "ratios": {name: summary([one[name] for one in pairs]) for name in METRICS},
            "levels": {
                name: {metric: float(statistics.median(one[key] for one in each)) for metric, key in METRICS.items()}
                for name, each in levels[concurrency].items()
            },
        }
        for concurrency, pairs in results.items()
    ]))  # fmt: skip


def main() -> None:
    """Reads the options and plays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", required=True, help="vLLM without the plug-in")
    parser.add_argument("--plugin", required=True, help="vLLM with it")
    parser.add_argument("--model", choices=list(MODELS), required=True)
    parser.add_argument("--weights", required=True, help="folder of the model, for its tokenizer")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--requests", type=int, default=32, help="of a run; one at a time, a quarter of them")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 16])
    asyncio.run(play(parser.parse_args()))


if __name__ == "__main__":
    main()
