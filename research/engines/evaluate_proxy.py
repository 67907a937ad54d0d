"""Evaluates a test model through `stopgate proxy` or vLLM's plug-in, and corrects EM by what the service knows.

The replies do not say how a control answer would have been stopped, so EM in full is estimated from the context:
EM as served, plus the share of treated answers times `em.drop`, which control answers show. Each question is also
answered directly, so that EM in full is known. It prints a line of JSON for each evaluation.
"""

import argparse
import asyncio
import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import openai
from run_proxy import Reply, ask

sys.path.insert(0, str(Path(__file__).parent / "model"))

from reasoner.models import MODELS
from reasoner.prompts import Prompt, prompts


async def answer_all(url: str, some: list[Prompt], is_labelled: bool, headers: dict[str, str], concurrency: int) -> list[Reply]:
    """The replies to all questions."""
    slots = asyncio.Semaphore(concurrency)
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=2, timeout=300, default_headers=headers) as client:

        async def one(prompt: Prompt) -> Reply:
            async with slots:
                return await ask(client, prompt, is_labelled, {})

        return await asyncio.gather(*map(one, some))


def context_of(service: str, task: str) -> dict[str, Any]:
    """What the service knows of the task."""
    key = urllib.parse.quote(f"model=reasoner,task={task}")
    with urllib.request.urlopen(f"{service}/v1/contexts/{key}", timeout=30) as reply:
        known: dict[str, Any] = json.load(reply)
        return known


def main() -> None:
    """Evaluates, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--direct", required=True, help="of the model server")
    parser.add_argument("--proxy", help="of the proxy (default: the server itself has the plug-in)")
    parser.add_argument("--service", required=True)
    parser.add_argument("--model", choices=list(MODELS), default="single")
    parser.add_argument("--task", default="follow")
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--evaluations", type=int, default=4)
    parser.add_argument("--concurrency", type=int, default=8)
    options = parser.parse_args()
    spec = MODELS[options.model]
    for number in range(options.evaluations):
        asked = list(prompts(spec, 77 + number, options.questions, [options.task]))
        off = {} if options.proxy else {"X-Stopgate": "off"}
        full = asyncio.run(answer_all(options.direct, asked, False, off, options.concurrency))
        served = asyncio.run(answer_all(options.proxy or options.direct, asked, True, {}, options.concurrency))

        def em(replies: list[Reply], its: list[Prompt] = asked) -> float:
            return sum(spec.extract(one.answer) == prompt.answer for one, prompt in zip(replies, its, strict=True)) / len(its)

        known = context_of(options.service, options.task)
        treated = sum(one.stopgate.get("arm") == "treated" for one in served) / len(served)
        drops = [known["em"]["drop"] or 0.0, *(known["em"]["interval"] or [0.0, 0.0])]
        figures = {
            "evaluation": number + 1,
            "threshold": known["threshold"],
            "em_in_full": em(full),
            "em_served": em(served),
            "em_corrected": [em(served) + treated * drop for drop in drops],
            "treated": treated,
            "stopped": sum(bool(one.stopgate.get("stopped")) for one in served) / len(served),
            "tokens_in_full": sum(one.tokens for one in full) / len(full),
            "tokens_spent": sum(one.tokens + one.stopgate.get("probe_tokens", 0) for one in served) / len(served),
        }
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
