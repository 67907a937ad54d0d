"""Forces answers on the key-value cache of a model in transformers."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import (
    DynamicCache,
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from ._answers import STYLES, EndOfReasoning, EndTrial, Forcing, judge
from ._telemetry import warn
from .client import Client
from .generation import Probe
from .reasoning import TOP_TOKENS, ForcedAnswer, ReasoningFormat, Row


class Sampling:
    """Chooses tokens: greedily without a temperature, otherwise by sampling.

    Args:
        temperature: above 0; None: greedy.
        top_k: number of the most probable tokens that may be chosen; None: all.
        top_p: the share of probability that may be chosen from; None: all.
        min_p: the least probability that may be chosen, as a share of the largest; None: any.
        logits_processor: changes the logits first.
        generator: of the random numbers.
    """

    def __init__(
        self,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        logits_processor: LogitsProcessorList | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        self.is_greedy, self._generator = temperature is None, generator
        # Probes draw from another one, or a control row would not have the tokens that it has without them.
        self._probe_generator = None if generator is None else torch.Generator(generator.device)
        if generator is not None and self._probe_generator is not None:
            self._probe_generator.manual_seed(generator.initial_seed() + 1)
        self._processors: Any = LogitsProcessorList(logits_processor or [])
        if temperature is not None:
            self._processors.append(TemperatureLogitsWarper(temperature))
            if top_k is not None:
                self._processors.append(TopKLogitsWarper(top_k))
            if top_p is not None:
                self._processors.append(TopPLogitsWarper(top_p))
            if min_p is not None:
                self._processors.append(MinPLogitsWarper(min_p))

    def choose(self, ids: Tensor, logits: Tensor, is_probe: bool = False) -> list[int]:
        """The next token of each row.

        Args:
            ids: prompt and tokens so far, rows by places.
            logits: of the next token, rows by vocabulary.
            is_probe: whether it is one of a forced answer.
        """
        scores = self._processors(ids, logits)
        if self.is_greedy:
            chosen = scores.argmax(-1)
        else:
            generator = self._probe_generator if is_probe else self._generator
            chosen = torch.multinomial(scores.softmax(-1), 1, generator=generator).squeeze(1)
        numbers: list[int] = chosen.tolist()
        return numbers


class Prober:
    """Forces answers on the key-value cache of a generation, for all rows of a batch at once, and restores the cache.

    Args:
        model: a causal language model of transformers with a cache that can be cropped.
        tokenizer: its tokenizer.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._ends = end_ids(model, tokenizer)

    @torch.no_grad()
    def force(
        self, cache: Any, mask: Tensor, ids: Tensor, due: Sequence[int], forcing: Forcing, sampling: Sampling,
        lead: Tensor | None = None,
    ) -> dict[int, ForcedAnswer]:  # fmt: skip
        """The answers of the rows that are due.

        Args:
            cache: of everything generated except `lead`. It is cropped to its present length again.
            mask: of the cache, rows by places.
            ids: prompt and tokens so far, rows by places.
            due: the rows. The others are decoded too, but do not delay the end.
            forcing: how the answers are forced.
            sampling: how their tokens are chosen.
            lead: the last tokens of each row, if the cache does not have them yet.

        Raises:
            ValueError: the cache can't be cropped.
        """
        if not getattr(cache, "is_croppable", True):
            raise ValueError("the cache of this model can't be cropped, so its generations can't be probed")
        rows, before = mask.shape[0], cache.get_seq_length()
        asked = self._tokenizer.encode(forcing.ask, add_special_tokens=False)
        ask = torch.tensor([asked], device=mask.device).expand(rows, -1)
        fed, ids = ask if lead is None else torch.cat([lead, ask], dim=1), torch.cat([ids, ask], dim=1)
        answers = {row: ForcedAnswer(self._tokenizer, forcing, fed.shape[1]) for row in due}
        try:
            for _ in range(forcing.tokens):
                logits, mask = forward(self._model, fed, mask, cache)
                logprobs = logits.log_softmax(-1)
                top = logprobs.topk(min(TOP_TOKENS, logprobs.shape[-1]), dim=-1).values.tolist()
                tokens = sampling.choose(ids, logits, is_probe=True)
                chosen = torch.tensor(tokens, device=ids.device)[:, None]
                levels = logprobs.gather(1, chosen).squeeze(1).tolist()
                for row, answer in answers.items():
                    if not answer.has_ended:
                        answer.add(tokens[row], levels[row], top[row], tokens[row] in self._ends)
                        answer.has_ended |= answer.is_whole
                if all(answer.has_ended for answer in answers.values()):
                    break
                fed, ids = chosen, torch.cat([ids, chosen], dim=1)
        finally:
            cache.crop(before - cache.get_seq_length())
        return answers


class EndProber:
    """Forces answers where generations have ended their reasoning by themselves, one after the other.

    Args:
        model, tokenizer: as for `generate()`.
        client: knows how answers are forced.
        reasoning: the texts around the reasoning.
        sampling: how answers are chosen; None: not known, so none is asked for again, and forced ones are greedy.
    """

    def __init__(
        self, model: Any, tokenizer: Any, client: Client, reasoning: ReasoningFormat, sampling: Sampling | None
    ) -> None:
        self._model, self._tokenizer, self._forms = model, tokenizer, client.forms
        self._counters = client.counters
        self._reasoning, self._sampling = reasoning, sampling
        self._prober, self._ends = Prober(model, tokenizer), end_ids(model, tokenizer)

    def ask(self, row: Row, prompt: list[int]) -> None:
        """Tries all forms where none is known yet, and checks the form in force on one control row in twenty."""
        end = row.end(prompt) if row.has_ended else None
        if end is None:
            return
        run = row.run
        try:
            if row.forcing is None and self._forms.claims(run):
                try:
                    self._forms.tried(run, self._trial(end), self._reasoning.most_tokens)
                except BaseException:
                    self._forms.failed(run)
                    raise
            elif row.forcing is not None and run.arm == "control" and self._forms.asks_at_end(run):
                forced = self._force(end, *self._prefill(end), end.checking(row.forcing), self._sampling or Sampling())
                prefilled = forced.prefilled + len(end.prefix)
                run.probed_at_end(Probe(forced.answer, tokens=forced.decoded, prefill_tokens=prefilled))
        except Exception as error:
            warn("hf-end", f"no answer can be forced at the end of a reasoning: {error!r}")

    def _trial(self, end: EndOfReasoning) -> EndTrial:
        cache, mask = self._prefill(end)
        again, forms = self._again(end, cache, mask), []
        for name in STYLES:
            forcing = end.asking(name, self._reasoning.end, self._reasoning.most_tokens, self._reasoning.extract)
            forced = self._force(end, cache, mask, forcing, Sampling())
            self._counters.probe_tokens += forced.decoded
            forms.append(judge(forcing, name, forced.texts, forced.decoded, end.answer, again))
        return EndTrial(end.before, end.after, forms)

    def _prefill(self, end: EndOfReasoning) -> tuple[Any, Tensor]:
        ids = torch.tensor([end.prefix], device=self._model.device)
        cache: Any = DynamicCache(config=self._model.config)
        with torch.no_grad():
            _, mask = prefill(self._model, ids, torch.ones_like(ids), cache)
        cache.activate_past_recording()
        return cache, mask

    def _force(
        self, end: EndOfReasoning, cache: Any, mask: Tensor, forcing: Forcing, sampling: Sampling
    ) -> ForcedAnswer:
        ids = torch.tensor([end.prefix], device=mask.device)
        return self._prober.force(cache, mask, ids, [0], forcing, sampling)[0]

    @torch.no_grad()
    def _again(self, end: EndOfReasoning, cache: Any, mask: Tensor) -> str:
        """What the model answers when it is asked again. A greedy one repeats itself."""
        if self._sampling is None or self._sampling.is_greedy:
            return end.answer
        before, tokens = cache.get_seq_length(), []
        close: list[int] = self._tokenizer.encode(self._reasoning.end, add_special_tokens=False)
        ids, fed = torch.tensor([[*end.prefix, *close]], device=mask.device), torch.tensor([close], device=mask.device)
        try:
            for _ in range(4 * self._reasoning.most_tokens + len(end.answer)):
                logits, mask = forward(self._model, fed, mask, cache)
                tokens += self._sampling.choose(ids, logits)
                if tokens[-1] in self._ends:
                    break
                fed = torch.tensor([tokens[-1:]], device=mask.device)
                ids = torch.cat([ids, fed], dim=1)
        finally:
            cache.crop(before - cache.get_seq_length())
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text


def forward(model: Any, ids: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Tensor]:
    """Feeds tokens to all rows. Returns the logits of the next token, and the mask of the cache after that.

    Args:
        mask: of the cache before.
    """
    return prefill(model, ids, torch.cat([mask, mask.new_ones(ids.shape)], dim=1), cache)


def prefill(model: Any, ids: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Tensor]:
    """As `forward`, given the mask of the cache after it."""
    positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    output = model(
        ids, attention_mask=mask, position_ids=positions, cache=cache, use_cache=True, logits_to_keep=1
    )  # fmt: skip
    return output.logits[:, -1].float(), mask


def end_ids(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end a sequence."""
    config = getattr(model, "generation_config", None)
    ids = getattr(config, "eos_token_id", None)
    known = ids if isinstance(ids, list) else [ids]
    return {one for one in [*known, tokenizer.eos_token_id] if one is not None}
