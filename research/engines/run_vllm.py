"""Runs a test model in vLLM's AsyncLLM, in this process, stopped by a service through `stopgate.vllm`.

Prints figures as one line of JSON. Each prompt is also run in full.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figures import Figures, print_figures

FOLDER = Path(__file__).parent / "model"
sys.path.insert(0, str(FOLDER))

from reasoner.models import MODELS  # noqa: E402
from reasoner.prompts import prompts  # noqa: E402
from vllm import AsyncEngineArgs, SamplingParams  # noqa: E402
from vllm.sampling_params import RequestOutputKind  # noqa: E402
from vllm.v1.engine.async_llm import AsyncLLM  # noqa: E402

from stopgate import AsyncClient  # noqa: E402
from stopgate.vllm import ReasoningFormat, generate  # noqa: E402

MAX_TOKENS = 700


async def in_full(engine: Any, all_ids: list[list[int]], concurrency: int) -> list[list[int]]:
    """The generations of the engine without stopgate."""
    slots = asyncio.Semaphore(concurrency)
    params = SamplingParams(temperature=0, max_tokens=MAX_TOKENS, logprobs=0, output_kind=RequestOutputKind.DELTA)

    async def one(number: int) -> list[int]:
        tokens: list[int] = []
        async with slots:
            async for output in engine.generate({"prompt_token_ids": all_ids[number]}, params, f"full-{number}"):
                tokens += output.outputs[0].token_ids
        return tokens

    return await asyncio.gather(*map(one, range(len(all_ids))))


async def play(options: argparse.Namespace) -> None:
    """Plays all prompts and prints the figures."""
    spec = MODELS[options.model]
    close, ask = spec.close, spec.close + spec.ask
    reasoning = ReasoningFormat(close=close, ask=ask, answer_tokens=spec.answer_tokens, extract=spec.extract)
    if options.find_form:
        reasoning = ReasoningFormat()
    args = AsyncEngineArgs(
        model=str(spec.weights), dtype="float32", enforce_eager=True, max_model_len=1024, block_size=16, max_num_seqs=64,
        generation_config="vllm",
    )  # fmt: skip
    engine = AsyncLLM.from_engine_args(args)
    tokenizer = engine.get_tokenizer()
    asked = list(prompts(spec, options.seed, options.generations))
    chats = [[{"role": "user", "content": prompt.content}] for prompt in asked]
    all_ids = [tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False) for chat in chats]
    await in_full(engine, all_ids[:8], 8)  # the first requests are slow
    try:
        began = time.perf_counter()
        full = await in_full(engine, all_ids, options.concurrency)
        between = time.perf_counter()
        async with AsyncClient(options.url, local=True) as client:
            client.wait_ready(30)
            runs = [
                client.generation(
                    {"model": "reasoner", "task": prompt.task}, grade=prompt.answer.__eq__ if options.is_labelled else None
                )
                for prompt in asked
            ]
            params = SamplingParams(temperature=0, max_tokens=MAX_TOKENS)
            served = await generate(
                engine, tokenizer, all_ids, client, runs, params, reasoning=reasoning, concurrency=options.concurrency
            )  # fmt: skip
            ended = time.perf_counter()
            await asyncio.to_thread(client.flush, 30)
    finally:
        engine.shutdown()
    tasks: dict[str, list[Figures]] = {}
    for prompt, tokens, run, one in zip(asked, full, runs, served, strict=True):
        behind = tokenizer.decode(tokens, skip_special_tokens=False).partition("</think>")[2].removesuffix("</s>")
        figures = Figures.of(prompt.answer, tokens, spec.extract(behind), run, one, spec.extract(one.text))
        tasks.setdefault(prompt.task, []).append(figures)
    print_figures(tasks, between - began, ended - between, client=asdict(client.counters))


def main() -> None:
    """Reads the options and plays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--generations", type=int, required=True)
    parser.add_argument("--model", choices=list(MODELS), default="single", help="the model (default single)")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--find-form", action="store_true", help="find how answers are forced")
    parser.add_argument("--unlabelled", dest="is_labelled", action="store_false")
    asyncio.run(play(parser.parse_args()))


if __name__ == "__main__":
    main()
