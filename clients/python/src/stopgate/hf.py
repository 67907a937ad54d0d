"""Stops the reasoning of models that run in transformers 5: `pip install 'stopgate-client[hf]'`."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from transformers import DynamicCache, StoppingCriteria

from ._hf import EndProber, Prober, Sampling, end_ids, forward, prefill
from .client import Client
from .generation import Generation
from .reasoning import Finished, ForcedAnswer, ReasoningFormat, Row

__all__ = ["Finished", "ReasoningFormat", "Sampling", "StopgateCriteria", "generate"]


@torch.no_grad()
def generate(
    model: Any,
    tokenizer: Any,
    inputs: Mapping[str, Tensor],
    client: Client,
    runs: Sequence[Generation],
    *,
    max_new_tokens: int,
    reasoning: ReasoningFormat | None = None,
    sampling: Sampling | None = None,
    references: "Sequence[str | list[str]] | None" = None,
    logprobs: bool = False,
    streamer: Any = None,
) -> list[Finished]:
    """Generates one answer for each prompt, and reports it.

    At each check the answers of all rows that are due are forced on the key-value cache, which is then restored. A
    row that is stopped gets its reasoning closed and writes its answer; a row that has ended leaves the batch.

    Args:
        model: a causal language model of transformers 5, on one device.
        tokenizer: its tokenizer.
        inputs: `input_ids` and `attention_mask` of the prompts, padded on the left, each with its reasoning open.
        client: asks and reports.
        runs: a new generation for each prompt, from `client.generation()`.
        max_new_tokens: most tokens of a row, its answer included.
        reasoning: how reasoning is closed.
        sampling: how tokens are chosen; None: greedy.
        references: right answers, for the service to grade with; None: `grade` of the runs, or labels that come later.
        logprobs: whether the rows state the log-probability of each token.
        streamer: of transformers, such as a TextStreamer: it gets each token, those after a stop included. For one
            prompt.

    Returns:
        The finished rows, in the order of the prompts.

    Raises:
        ValueError: the prompts are not padded on the left, there is another number of runs, the model's cache can't be
            cropped, or there is a streamer for several prompts.
    """
    reasoning, sampling = reasoning or ReasoningFormat(), sampling or Sampling()
    if streamer is not None and len(runs) != 1:
        raise ValueError(f"a streamer shows one prompt, not {len(runs)}")
    rows = generate_rows(
        model,
        tokenizer,
        inputs,
        client,
        runs,
        max_new_tokens,
        reasoning,
        sampling,
        logprobs=logprobs,
        streamer=streamer,
    )
    return [row.finish(None if references is None else references[i]) for i, row in enumerate(rows)]


@torch.no_grad()
def generate_rows(
    model: Any,
    tokenizer: Any,
    inputs: Mapping[str, Tensor],
    client: Client,
    runs: Sequence[Generation],
    max_new_tokens: int,
    reasoning: ReasoningFormat,
    sampling: Sampling,
    *,
    asks: Sequence[bool] | None = None,
    closes: bool = True,
    logprobs: bool = False,
    streamer: Any = None,
) -> list[Row]:
    """As `generate`, without the reports.

    Args:
        asks: which rows ask; None: all.
        closes: whether a row that is stopped gets its reasoning closed and writes its answer; otherwise it ends there.
    """
    ids, mask = inputs["input_ids"].to(model.device), inputs["attention_mask"].to(model.device)
    if not bool(mask[:, -1].all()):
        raise ValueError("pad the prompts on the left")
    if len(runs) != len(ids):
        raise ValueError(f"{len(ids)} prompts need as many runs, not {len(runs)}")
    _mark_prompts(runs, ids, mask, tokenizer)
    prober, ends = Prober(model, tokenizer), end_ids(model, tokenizer)
    at_end, prompts = EndProber(model, tokenizer, client, reasoning, sampling), _unpadded(ids, mask)
    rows = make_rows(client, tokenizer, reasoning, runs, ends, max_new_tokens, asks)
    cache: Any = DynamicCache(config=model.config)
    logits, mask = prefill(model, ids, mask, cache)
    cache.activate_past_recording()
    if streamer is not None:
        streamer.put(ids.cpu())
    running = list(range(len(rows)))
    while True:
        sampled = sampling.choose(ids, logits)
        added = []
        for place, i in enumerate(running):
            if not rows[i].is_done:  # one that was truncated at its stop
                rows[i].add(rows[i].choose(sampled[place]))
                added.append(place)
        if logprobs:
            _note_logprobs([rows[running[place]] for place in added], logits[added])
        if streamer is not None and added:
            streamer.put(torch.tensor(rows[0].tokens[-1:]))
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
        for row in _check(client, prober, [rows[i] for i in running], cache, mask, ids, sampling):
            row.stop() if closes else row.truncate()
    if streamer is not None:
        streamer.end()
    for place, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        if asks is None or asks[place]:
            at_end.ask(row, prompt)
    return rows


def _note_logprobs(rows: Sequence[Row], logits: Tensor) -> None:
    """Notes the log-probability of the last token of each row, which was chosen from `logits` (rows by vocabulary)."""
    if not rows:
        return
    last = torch.tensor([[row.tokens[-1]] for row in rows], device=logits.device)
    levels: list[float] = logits.log_softmax(-1).gather(1, last).squeeze(1).tolist()
    for row, level in zip(rows, levels, strict=True):
        row.logprobs.append(level)


def make_rows(
    client: Client, tokenizer: Any, reasoning: ReasoningFormat, runs: Sequence[Generation], ends: set[int], limit: int,
    asks: Sequence[bool] | None = None,
) -> list[Row]:  # fmt: skip
    """The rows of a batch, each with the form in force in its context. Without a form a row does not ask."""
    forcings = [
        client.forms.forcing(run, reasoning) if asks is None or asks[i] else None for i, run in enumerate(runs)
    ]  # fmt: skip
    return [
        Row(run, tokenizer, reasoning, forcing, ends, limit) for run, forcing in zip(runs, forcings, strict=True)
    ]  # fmt: skip


def _unpadded(ids: Tensor, mask: Tensor) -> list[list[int]]:
    """The prompts without their padding."""
    return [row[its.bool()].tolist() for row, its in zip(ids, mask, strict=True)]


def _mark_prompts(runs: Sequence[Generation], ids: Tensor, mask: Tensor, tokenizer: Any) -> None:
    """Says which prompt each generation is of."""
    for run, prompt in zip(runs, _unpadded(ids, mask), strict=True):
        run.mark_prompt(prompt, partial(tokenizer.decode, prompt, skip_special_tokens=True))


def _check(
    client: Client, prober: Prober, rows: list[Row], cache: Any, mask: Tensor, ids: Tensor, sampling: Sampling
) -> list[Row]:
    """Asks about the rows that are due. Returns those to stop."""
    due = _needing_answers(client, rows)
    if not due:
        return []
    forced = _force_due(prober, rows, due, cache, mask, ids, sampling)
    client.check([rows[place].observe(forced[place]) for place in due])
    return [rows[place] for place in due if rows[place].run.stopped]


def _needing_answers(client: Client, rows: list[Row]) -> list[int]:
    """The places of the rows that are due and whose answers are needed: where nothing is in force, the control ones."""
    due = [place for place, row in enumerate(rows) if row.is_due]
    asked = [place for place in due if rows[place].run.asks_first]
    if asked:
        client.check([rows[place].ask() for place in asked])
    left = {place for place in asked if rows[place].run.arm == "treated"}
    return [place for place in due if place not in left]


def _force_due(
    prober: Prober, rows: list[Row], due: list[int], cache: Any, mask: Tensor, ids: Tensor, sampling: Sampling,
    lead: Tensor | None = None,
) -> dict[int, ForcedAnswer]:  # fmt: skip
    """Forces the answers of the rows that are due, those of the same form at once."""
    forced: dict[int, ForcedAnswer] = {}
    places: dict[str, list[int]] = {}
    for place in due:
        forcing = rows[place].forcing
        if forcing is not None:
            places.setdefault(forcing.ask, []).append(place)
    for its in places.values():
        forcing = rows[its[0]].forcing
        if forcing is not None:
            forced |= prober.force(cache, mask, ids, its, forcing, sampling, lead)
    return forced


class StopgateCriteria(StoppingCriteria):
    """Stops rows within `model.generate()`, without beams: asks about each row of the batch.

        criteria = StopgateCriteria(model, tokenizer, inputs, client, runs)
        model.generate(**inputs, cache=criteria.cache, stopping_criteria=[criteria], max_new_tokens=4096)
        finished = criteria.finish()

    Use one for each call. `model.generate()` keeps stopped rows in its batch as padding; if that costs too much, use
    `stopgate.hf.generate()`.

    Args:
        model, tokenizer, inputs, client, runs, reasoning: as for `stopgate.hf.generate()`.
        sampling: as `model.generate()` samples, so that answers are forced likewise; None: greedily.

    Raises:
        ValueError: the numbers of runs and prompts differ.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        inputs: Mapping[str, Tensor],
        client: Client,
        runs: Sequence[Generation],
        reasoning: ReasoningFormat | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self._sampling = sampling or Sampling()
        self._model, self._tokenizer, self._client = model, tokenizer, client
        self._prompt_ids, self._mask = inputs["input_ids"], inputs["attention_mask"]
        if len(runs) != len(self._prompt_ids):
            raise ValueError(f"{len(self._prompt_ids)} prompts need as many runs, not {len(runs)}")
        _mark_prompts(runs, self._prompt_ids, self._mask, tokenizer)
        reasoning = reasoning or ReasoningFormat()
        self._prober = Prober(model, tokenizer)
        self._at_end = EndProber(model, tokenizer, client, reasoning, sampling)
        limit = 2**62  # generate() has the limit
        self._rows = make_rows(client, tokenizer, reasoning, runs, end_ids(model, tokenizer), limit)
        self.cache: Any = DynamicCache(config=model.config)

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> "torch.BoolTensor":
        """Whether each row ends here.

        Raises:
            ValueError: `generate()` was called without `cache=criteria.cache`, or with beams.
        """
        if self.cache.get_seq_length() != input_ids.shape[1] - 1 or len(input_ids) != len(self._rows):
            raise ValueError("call generate(..., cache=criteria.cache, num_beams=1) with one criteria for each call")
        self.cache.activate_past_recording()
        for row, token in zip(self._rows, input_ids[:, -1].tolist(), strict=True):
            if not row.is_done and not row.run.stopped:
                row.add(token)
        due = _needing_answers(self._client, self._rows)
        if due:
            mask = self._mask.to(input_ids.device)
            known = torch.cat([mask, mask.new_ones(len(mask), input_ids.shape[1] - 1 - mask.shape[1])], dim=1)
            lead = input_ids[:, -1:]
            forced = _force_due(self._prober, self._rows, due, self.cache, known, input_ids, self._sampling, lead)
            self._client.check([self._rows[place].observe(forced[place]) for place in due])
        stopped = [row.run.stopped for row in self._rows]
        return cast("torch.BoolTensor", torch.tensor(stopped, dtype=torch.bool, device=input_ids.device))

    def finish(self, references: "Sequence[str | list[str]] | None" = None, **options: Any) -> list[Finished]:
        """Lets the model write the answers of the rows that were stopped, and reports all rows.

        Args:
            references: right answers, for the service to grade with.
            options: of `model.generate()`, such as `max_new_tokens` of an answer, `do_sample`, `temperature`, and the
                `streamer` of the first call, with `skip_prompt`, which otherwise ends at the stop.
        """
        stopped = [place for place, row in enumerate(self._rows) if row.run.stopped]
        if stopped:
            self._answer(stopped, options)
        for row, prompt in zip(self._rows, _unpadded(self._prompt_ids, self._mask), strict=True):
            self._at_end.ask(row, prompt)
        return [row.finish(None if references is None else references[i]) for i, row in enumerate(self._rows)]

    def _answer(self, stopped: list[int], options: dict[str, Any]) -> None:
        prompts = []
        for place in stopped:
            row, prompt = self._rows[place], self._prompt_ids[place][self._mask[place].bool()].tolist()
            row.close()
            prompts.append(prompt + row.tokens)
        padded = self._tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
        padded = {name: padded[name].to(self._model.device) for name in ("input_ids", "attention_mask")}
        output = self._model.generate(**padded, **{"max_new_tokens": 256, **options})
        for place, tokens in zip(stopped, output[:, padded["input_ids"].shape[1] :].tolist(), strict=True):
            for token in tokens:
                if not self._rows[place].is_done:
                    self._rows[place].add(token)
