"""Rollouts of many prompts at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from vllm import SamplingParams

from ..aio import AsyncClient
from ..generation import Generation
from ..thought import Thought
from .engine import Engine
from .rollout import Roller, Rollout


async def generate(
    engine: Any,
    tokenizer: Any,
    prompts: Sequence[list[int]],
    client: AsyncClient,
    runs: Sequence[Generation],
    sampling: SamplingParams | Sequence[SamplingParams],
    *,
    thought: Thought | None = None,
    references: "Sequence[str | list[str]] | None" = None,
    concurrency: int | None = None,
    **options: Any,
) -> list[Rollout]:
    """Generates one rollout for each prompt, and reports it.

    The thought goes on while an answer is forced beside it, from the prefix cache. At a stop its request is aborted,
    and the model writes its answer behind the closed thought.

    Args:
        engine: an `AsyncLLM`.
        tokenizer: its tokenizer.
        prompts: token ids, each with its thought open. A prompt with several samples is there several times.
        client: asks and reports.
        runs: a new generation for each prompt, from `client.generation()`.
        sampling: of all rollouts, or of each; with `n` of 1.
        thought: how thoughts are closed.
        references: right answers, for the service to grade with; None: `grade` of the runs, or labels that come later.
        concurrency: rollouts at once. The engine takes requests in the order in which they come, so that probes would
            wait behind all of a larger batch. None: three quarters of the engine's `max_num_seqs`.
        options: what `engine.generate()` is given with each request, such as `lora_request`.

    Returns:
        What became of each prompt, in their order.

    Raises:
        ValueError: there is another number of runs, or of sampling parameters, or `n` is not 1.
        Exception: what the engine raises. Then the other rollouts are aborted, and what has not ended is not reported.
    """
    each = list(sampling) if isinstance(sampling, Sequence) else [sampling] * len(prompts)
    if not len(each) == len(runs) == len(prompts):
        raise ValueError(f"{len(prompts)} prompts need as many runs and sampling parameters")
    if any(params.n != 1 for params in each):
        raise ValueError("repeat the prompt instead of asking for n samples")
    seats = concurrency or max(1, engine.vllm_config.scheduler_config.max_num_seqs * 3 // 4)
    free = asyncio.Semaphore(seats)
    roller = Roller(Engine(engine, options), tokenizer, client, thought or Thought())

    async def one(place: int) -> Rollout:
        async with free:
            reference = None if references is None else references[place]
            return await roller.roll(list(prompts[place]), each[place], runs[place], reference)

    tasks = [asyncio.create_task(one(place)) for place in range(len(prompts))]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
