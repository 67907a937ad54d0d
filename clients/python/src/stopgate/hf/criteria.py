"""Stops rows within `model.generate()`."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, StoppingCriteria

from .._row import Finished, Row
from ..client import Client
from ..generation import Generation
from ..thought import Thought
from .prober import Prober, end_ids


class StopgateCriteria(StoppingCriteria):
    """Asks about each row of a batch that `model.generate()` generates, without beams.

        criteria = StopgateCriteria(model, tokenizer, inputs, client, runs)
        model.generate(**inputs, cache=criteria.cache, stopping_criteria=[criteria], max_new_tokens=4096)
        finished = criteria.finish()

    Use one for each call. `generate()` keeps the rows that were stopped in its batch, padded; where that matters, use
    `stopgate.hf.generate()`.

    Args:
        model, tokenizer, inputs, client, runs, thought: as for `stopgate.hf.generate()`.

    Raises:
        ValueError: there is another number of runs than of prompts.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        inputs: Mapping[str, Tensor],
        client: Client,
        runs: Sequence[Generation],
        thought: Thought | None = None,
    ) -> None:
        self._model, self._tokenizer, self._client = model, tokenizer, client
        self._prompt_ids, self._mask = inputs["input_ids"], inputs["attention_mask"]
        if len(runs) != len(self._prompt_ids):
            raise ValueError(f"{len(self._prompt_ids)} prompts need as many runs, not {len(runs)}")
        thought = thought or Thought()
        self._prober = Prober(model, tokenizer, thought)
        limit = 2**62  # generate() has the limit
        self._rows = [Row(run, tokenizer, thought, end_ids(model, tokenizer), limit) for run in runs]
        self.cache: Any = DynamicCache(config=model.config)

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Whether each row is to end here.

        Raises:
            ValueError: `generate()` was called without `cache=criteria.cache`, or with beams.
        """
        if self.cache.get_seq_length() != input_ids.shape[1] - 1 or len(input_ids) != len(self._rows):
            raise ValueError("call generate(..., cache=criteria.cache, num_beams=1) with one criteria for each call")
        self.cache.activate_past_recording()
        for row, token in zip(self._rows, input_ids[:, -1].tolist(), strict=True):
            if not row.is_done and not row.run.stopped:
                row.add(token)
        due = [place for place, row in enumerate(self._rows) if row.is_due]
        if due:
            mask = self._mask.to(input_ids.device)
            known = torch.cat([mask, mask.new_ones(len(mask), input_ids.shape[1] - 1 - mask.shape[1])], dim=1)
            forced = self._prober.force(self.cache, known, due, lead=input_ids[:, -1:])
            self._client.check([self._rows[place].observe(forced[place]) for place in due])
        stopped = [row.run.stopped for row in self._rows]
        return torch.tensor(stopped, dtype=torch.bool, device=input_ids.device)

    def finish(self, references: "Sequence[str | list[str]] | None" = None, **options: Any) -> list[Finished]:
        """Lets the model write the answers of the rows that were stopped, and reports all rows.

        Args:
            references: right answers, for the service to grade with.
            options: of `model.generate()`, such as `max_new_tokens` of an answer, `do_sample` and `temperature`.
        """
        stopped = [place for place, row in enumerate(self._rows) if row.run.stopped]
        if stopped:
            self._answer(stopped, options)
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
