"""vLLM as TRL runs it, colocated or as a server."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from accelerate.utils import gather_object

from ._telemetry import warn
from ._turns import Said, Turn

_OF_EACH_TOKEN = frozenset(
    ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "logit_bias", "allowed_token_ids", "seed")
)
"""`generation_kwargs` that apply to each token by itself, and so hold over turns. `seed` is left out with a warning."""


def require_known(trainer: Any, names: Collection[str]) -> None:
    """Checks that the trainer's `generation_kwargs` have no other names.

    Raises:
        ValueError: they do.
    """
    if others := sorted((trainer.args.generation_kwargs or {}).keys() - set(names)):
        raise ValueError(f"rollouts that may be stopped do not know these generation_kwargs: {', '.join(others)}")


def require_turns(trainer: Any) -> None:
    """Checks that completions may be made in turns.

    Raises:
        ValueError: an option counts over a whole completion, or lets vLLM sleep between turns.
    """
    if trainer.args.vllm_enable_sleep_mode:
        raise ValueError("vLLM would sleep after each turn: set vllm_enable_sleep_mode=False")
    if trainer.args.vllm_structured_outputs_regex is not None:
        raise ValueError("each turn would restart the expression: leave out vllm_structured_outputs_regex")
    require_known(trainer, _OF_EACH_TOKEN)


class TrlVllm:
    """Completes rounds of turns. All prompts of a call to TRL's `VLLMGeneration` have the same sampling parameters."""

    def __init__(self, trainer: Any) -> None:
        self._vllm, self._ends = trainer.vllm_generation, set(trainer.eos_token_ids)
        self._is_alone = trainer.accelerator.num_processes == 1

    def complete(self, turns: list[Turn]) -> list[Said]:
        """Completes the turns of a round: rollouts, then forced answers, then those of forms that are tried."""
        said: dict[int, Said] = {}
        for kind in ((False, False), (True, False), (True, True)):
            its = {place: turn for place, turn in enumerate(turns) if (turn.is_forced, turn.is_greedy) == kind}
            lengths = [turn.max_tokens for turn in its.values()]
            most = max(lengths, default=0) if kind[0] else min(lengths, default=0)
            said |= zip(its, self._call([turn.prompt for turn in its.values()], most, *kind), strict=True)
        return [said[place] for place in range(len(turns))]

    def is_over(self, has_ended: bool) -> bool:
        """Whether the rollouts of all processes have ended: vLLM may wait for a call of each."""
        return has_ended if self._is_alone else all(gather_object([has_ended]))

    def _call(self, prompts: list[list[int]], most: int, is_forced: bool, is_greedy: bool) -> list[Said]:
        count = len(prompts)
        if not self._is_alone:  # each process makes the same call, with as many prompts
            all_sizes = [size for size in gather_object([(count, most)]) if size[0]]
            rows = max((rows for rows, _ in all_sizes), default=0)
            most = (max if is_forced else min)((size for _, size in all_sizes), default=0)
            prompts = prompts + [[next(iter(self._ends))]] * (rows - count)
        if not prompts:
            return []
        with self._sampling(most, is_greedy):
            _, tokens, logprobs, _ = self._vllm.generate(prompts, None, 1)
        said = []
        for its, levels in zip(tokens[:count], logprobs[:count], strict=True):
            has_ended = len(its) < most or its[-1] in self._ends
            said.append(Said(list(its), [level[0] for level in levels], has_ended))
        return said

    @contextmanager
    def _sampling(self, most: int, is_greedy: bool) -> Iterator[None]:
        """Sampling parameters of one call: TRL takes them from the attributes of its object."""
        greedy = {"temperature": 0.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0}
        own = {"max_completion_length": most, "logprobs": 0, **(greedy if is_greedy else {})}
        over = {"max_tokens", "n", "seed", *own}  # these would take the place of the turn's
        if "seed" in self._vllm.generation_kwargs:
            warn(
                "seed",
                "the seed in generation_kwargs is left out, since it would make all samples of a prompt the same",
            )
        more = {name: value for name, value in self._vllm.generation_kwargs.items() if name not in over}
        wanted = {**own, "generation_kwargs": more}
        before = {name: getattr(self._vllm, name) for name in wanted}
        vars(self._vllm).update(wanted)
        try:
            yield
        finally:
            vars(self._vllm).update(before)
