"""Runs the test model in a model server by OpenAI's client: each prompt directly, and through `stopgate proxy`.

Prints figures as one line of JSON.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import openai
from figures import Figures, print_figures

sys.path.insert(0, str(Path(__file__).parent / "model"))

from reasoner.prompts import Prompt, prompts  # noqa: E402


async def ask(client: openai.AsyncOpenAI, model: str, prompt: Prompt, is_labelled: bool) -> Any:
    """One greedy chat; the proxy reads the headers."""
    headers = {"X-Stopgate-Context": f"task={prompt.task}"}
    if is_labelled:
        headers["X-Stopgate-Gold"] = prompt.answer
    return await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt.content}],
        temperature=0,
        extra_headers=headers,
    )


def text_of(reply: Any) -> str:
    """Thought and answer."""
    message = reply.choices[0].message
    extra = message.model_extra or {}
    return f"{extra.get('reasoning') or extra.get('reasoning_content') or ''}|{message.content or ''}"


async def play(url: str, model: str, all_prompts: list[Prompt], concurrency: int, is_labelled: bool) -> tuple[list[Any], float]:
    """All replies in the order of the prompts, and the seconds that they took."""
    slots = asyncio.Semaphore(concurrency)
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=2, timeout=120) as client:

        async def one(prompt: Prompt) -> Any:
            async with slots:
                return await ask(client, model, prompt, is_labelled)

        began = time.perf_counter()
        replies = await asyncio.gather(*map(one, all_prompts))
        return replies, time.perf_counter() - began


def main() -> None:
    """Plays all prompts and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--direct", required=True)
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--model", default="reasoner")
    parser.add_argument("--generations", type=int, required=True)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unlabelled", action="store_true")
    options = parser.parse_args()
    asked = list(prompts(options.seed, options.generations))
    full, full_seconds = asyncio.run(play(options.direct, options.model, asked, options.concurrency, False))
    served, seconds = asyncio.run(play(options.proxy, options.model, asked, options.concurrency, not options.unlabelled))
    tasks: dict[str, Figures] = {}
    for prompt, direct, reply in zip(asked, full, served, strict=True):
        figures, said = tasks.setdefault(prompt.task, Figures()), reply.model_extra.get("stopgate") or {}
        figures.generations += 1
        figures.control += said.get("arm") == "control"
        figures.stopped += bool(said.get("stopped"))
        figures.full_tokens += direct.usage.completion_tokens
        figures.tokens += reply.usage.completion_tokens
        figures.probe_tokens += said.get("probe_tokens", 0)
        figures.probes += said.get("probe_tokens", 0)  # a probe decodes one token here
        figures.full_right += (direct.choices[0].message.content or "").strip() == prompt.answer
        figures.right += (reply.choices[0].message.content or "").strip() == prompt.answer
        figures.changed += not said.get("stopped") and text_of(direct) != text_of(reply)
    print_figures(tasks, full_seconds, seconds)


if __name__ == "__main__":
    main()
