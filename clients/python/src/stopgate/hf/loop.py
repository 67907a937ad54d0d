"""Generates a batch whose rows are stopped one by one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from .._row import Finished, Row
from ..client import Client
from ..generation import Generation
from ..thought import Thought
from .prober import Prober, end_ids, forward, prefill
from .sampling import Sampling


@torch.no_grad()
def generate(
    model: Any,
    tokenizer: Any,
    inputs: Mapping[str, Tensor],
    client: Client,
    runs: Sequence[Generation],
    *,
    max_new_tokens: int,
    thought: Thought | None = None,
    sampling: Sampling | None = None,
    references: "Sequence[str | list[str]] | None" = None,
) -> list[Finished]:
    """Generates one answer for each prompt, and reports it.

    At each check the answers of all rows that are due are forced aside, on the key-value cache, which is then as it
    was. A row that is stopped gets its thought closed and writes its answer; a row that has ended leaves the batch.

    Args:
        model: a causal language model of transformers 5, on one device.
        tokenizer: its tokenizer.
        inputs: `input_ids` and `attention_mask` of the prompts, padded on the left, each with its thought open.
        client: asks and reports.
        runs: a new generation for each prompt, from `client.generation()`.
        max_new_tokens: most tokens of a row, its answer included.
        thought: how thoughts are closed.
        sampling: how tokens are chosen; None: greedy.
        references: right answers, for the service to grade with; None: `grade` of the runs, or labels that come later.

    Returns:
        What became of each row, in the order of the prompts.

    Raises:
        ValueError: the prompts are not padded on the left, there is another number of runs, or the model's cache can't
            be cropped.
    """
    thought, sampling = thought or Thought(), sampling or Sampling()
    ids, mask = inputs["input_ids"].to(model.device), inputs["attention_mask"].to(model.device)
    if not bool(mask[:, -1].all()):
        raise ValueError("pad the prompts on the left")
    if len(runs) != len(ids):
        raise ValueError(f"{len(ids)} prompts need as many runs, not {len(runs)}")
    prober, ends = Prober(model, tokenizer, thought), end_ids(model, tokenizer)
    rows = [Row(run, tokenizer, thought, ends, max_new_tokens) for run in runs]
    cache: Any = DynamicCache(config=model.config)
    logits, mask = prefill(model, ids, mask, cache)
    cache.activate_past_recording()
    running = list(range(len(rows)))
    while True:
        for row, token in zip((rows[i] for i in running), sampling.choose(ids, logits), strict=True):
            row.add(row.choose(token))
        left = [place for place, i in enumerate(running) if not rows[i].is_done]
        if not left:
            break
        if len(left) < len(running):
            running = [running[place] for place in left]
            chosen = torch.tensor(left, device=ids.device)
            cache.batch_select_indices(chosen)
            ids, mask = ids[chosen], mask[chosen]
        last = torch.tensor([[rows[i].tokens[-1]] for i in running], device=ids.device)
        ids = torch.cat([ids, last], dim=1)
        logits, mask = forward(model, last, mask, cache)
        _check(client, prober, [rows[i] for i in running], cache, mask)
    return [row.finish(None if references is None else references[i]) for i, row in enumerate(rows)]


def _check(client: Client, prober: Prober, rows: list[Row], cache: Any, mask: Tensor) -> None:
    """Asks about the rows that are due, and closes the thoughts of those to stop."""
    due = [place for place, row in enumerate(rows) if row.is_due]
    if not due:
        return
    forced = prober.force(cache, mask, due)
    client.check([rows[place].observe(forced[place]) for place in due])
    for place in due:
        if rows[place].run.stopped:
            rows[place].stop()
