"""Stops the rollouts of TRL's GRPOTrainer early: `pip install 'stopgate-client[training]' 'trl>=1.16'`."""

from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from accelerate.utils import broadcast_object_list, gather_object
from transformers import LogitsProcessorList, RepetitionPenaltyLogitsProcessor, TrainerCallback
from trl.chat_template_utils import parse_response
from trl.data_utils import is_conversational
from trl.models.utils import unwrap_model_for_generation

from ._arms import ARMS, ArmReports, Sample, figures_of
from ._hash import murmur3
from ._hf import Sampling
from ._rewards import ForcedStep, mask_of, report, require_bounds, steps_to_grade, unasked
from ._telemetry import warn
from ._trl_vllm import TrlVllm, require_known, require_turns
from ._turns import TurnByTurn, run_batch
from .client import Client
from .generation import Context, Generation
from .hf import generate_rows, make_rows
from .reasoning import ReasoningFormat, Row

__all__ = ["Reward", "Rollouts"]

Reward = Callable[..., "Sequence[float | None]"]
"""A reward function as TRL calls it: `reward(prompts=..., completions=..., **columns)`."""

LEAST_CONTROL = 0.2
"""Share of control prompts below which a loss by stopping is seen too late (docs/evidence/training.md)."""


class Rollouts:
    """The rollout function of a GRPOTrainer, and its reward function:

        stopping = Rollouts(client, reward=exact_match, context={"model": "q-rl"})
        trainer = GRPOTrainer(..., rollout_func=stopping, reward_funcs=stopping.reward)

    All samples of a prompt are in one arm, since their advantages are compared. Evaluations run in full. The trainer
    logs the reward, the tokens and the variance of the advantages of each arm under `stopgate/`, weighted so that the
    arms compare although control shares differ by context.

    Args:
        client: asks and reports.
        reward: grades completions, as TRL calls it. In the same call it grades the answers that were forced at the
            checks of control rollouts.
        context: of the policy in training, or a function that returns that of a prompt, such as one for each task. Its
            levels are in the order of CONTEXT_LEVELS. Set `evidence_span_seconds` to 0 in its policy, since prompts are
            drawn at random.
        mode: what a stop does. "answer": the reasoning is closed, and the model writes its answer; the loss leaves out
            the closing text. "truncate": the rollout ends there, without any forced token, and its reward is that of
            the answer that was forced to decide.
        bounds: the lowest and the highest reward, which are 0 and 1 at the service. A reward outside is no label.
        share: share of the prompts whose rollouts ask at all, from 0 to 1.
        from_step: step of the training from which rollouts ask.
        reasoning: how reasoning is closed, and how answers are forced.
        run: name of the training run at the service, which then shows reward and tokens of each arm, and knows that the
            policy moves; None: none. Other reports that name its context, or one above or below it, must be of the same
            run.
        report_every: steps of the training between these reports.
        run_token: token for these reports, with the role trainer. None: that of the client, which must then be an
            operator's, since a worker may not report them.

    Raises:
        ValueError: `bounds`, `share` or `mode` make no sense.
    """

    def __init__(
        self,
        client: Client,
        *,
        reward: Reward,
        context: Context | Callable[[Any], Context],
        mode: Literal["answer", "truncate"] = "answer",
        bounds: tuple[float, float] = (0.0, 1.0),
        share: float = 1.0,
        from_step: int = 0,
        reasoning: ReasoningFormat | None = None,
        run: str | None = None,
        report_every: int = 10,
        run_token: str | None = None,
    ) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share is from 0 to 1, not {share}")
        if mode not in ("answer", "truncate"):
            raise ValueError(f'mode is "answer" or "truncate", not {mode!r}')
        if report_every < 1:
            raise ValueError(f"report_every is at least 1, not {report_every}")
        if iscoroutinefunction(reward):
            raise ValueError("reward must not be async")
        self._client, self._mode = client, mode
        self._context_of = context if callable(context) else lambda _: context
        self._reward, self._bounds = reward, require_bounds(bounds)
        self._share, self._from_step = share, from_step
        self._reasoning = reasoning or ReasoningFormat()
        self._reports = None if run is None else ArmReports(client, run, report_every, run_token)
        self._trainer: Any = None
        self._nonce: str | None = None
        self._calls = 0
        self._batch: _Batch | None = None

        def graded(prompts: list[Any], completions: list[Any], **columns: Any) -> "list[float | None]":
            return self._grade(prompts, completions, columns)

        graded.__name__ = getattr(reward, "__name__", "reward")  # under which the trainer logs it
        self.reward: Reward = graded
        """The reward function for the trainer."""

    def __call__(self, prompts: list[Any], trainer: Any) -> dict[str, Any]:
        """Generates a completion for each prompt, as TRL asks of a rollout function.

        Returns:
            `prompt_ids`, `completion_ids`, `logprobs` (None where transformers generates: TRL computes them itself),
            and `env_mask`, which is 0 for forced tokens.

        Raises:
            ValueError: the trainer has an option that rollouts which may be stopped cannot have.
        """
        if trainer is not self._trainer:
            self._take(trainer)
        if any(_has_image(prompt) for prompt in prompts):
            raise ValueError("rollouts with images cannot be stopped early: leave out rollout_func")
        is_training = trainer.model.training
        batch = _Batch(_tokenizer(trainer), _prompt_ids(trainer, prompts), self._mode)
        group_size = trainer.num_generations if is_training else trainer.num_generations_eval
        if is_training and trainer.state.global_step >= self._from_step:
            runs = self._runs(trainer, prompts, group_size)
            asks = [murmur3(f"share:{run.group}") < self._share * 2**32 for run in runs]
            generate = self._generate_in_turns if trainer.use_vllm else self._generate
            rows, logprobs = generate(trainer, batch, runs, asks)
            self._client.check(unasked(rows))
            batch.take(rows)
        else:
            batch.completions, logprobs = trainer._generate_single_turn(batch.prompts, None, {}, group_size)
        self._batch = batch
        return {
            "prompt_ids": batch.prompts, "completion_ids": batch.completions, "logprobs": logprobs,
            "env_mask": batch.masks,
        }  # fmt: skip

    def _take(self, trainer: Any) -> None:
        """Checks a trainer that asks for its first rollouts."""
        if not any(one is self.reward for one in trainer.reward_funcs):
            raise ValueError("rollouts would not be graded: make the trainer with reward_funcs=stopping.reward")
        if self._mode == "truncate" and trainer.mask_truncated_completions:
            raise ValueError('stops in mode "truncate" have no end of sequence: set mask_truncated_completions=False')
        if trainer.tools or trainer.environments is not None:
            raise ValueError("rollouts with tools or environments cannot be stopped early: leave out rollout_func")
        if trainer.use_vllm:
            require_turns(trainer)
        else:
            _sampling(trainer)
        if self._reports is not None:
            self._reports.begin()
            trainer.add_callback(_AtEnd(self._reports))
        self._trainer = trainer

    def _generate(
        self, trainer: Any, batch: "_Batch", runs: list[Generation], asks: list[bool]
    ) -> tuple[list[Row], None]:
        """Generates with transformers."""
        padded = batch.tokenizer.pad({"input_ids": batch.prompts}, padding_side="left", return_tensors="pt")
        with unwrap_model_for_generation(
            trainer.model_wrapped,
            trainer.accelerator,
            gather_deepspeed3_params=trainer.args.ds3_gather_for_generation,
            gradient_checkpointing_kwargs=trainer.args.gradient_checkpointing_kwargs,
        ) as model:
            rows = generate_rows(
                model, batch.tokenizer, padded, self._client, runs, trainer.max_completion_length, self._reasoning,
                _sampling(trainer), asks=asks, closes=self._mode == "answer",
            )  # fmt: skip
        return rows, None

    def _generate_in_turns(
        self, trainer: Any, batch: "_Batch", runs: list[Generation], asks: list[bool]
    ) -> tuple[list[Row], list[list[float | None]]]:
        """Generates with vLLM, colocated or as a server."""
        engine, client, reasoning = TrlVllm(trainer), self._client, self._reasoning
        ends, limit = set(trainer.eos_token_ids), trainer.max_completion_length
        rows = make_rows(client, batch.tokenizer, reasoning, runs, ends, limit, asks)
        closes, most_tokens = self._mode == "answer", trainer.args.vllm_max_model_length
        rollouts = [
            TurnByTurn(row, prompt, batch.tokenizer, client.forms, client.counters, reasoning, closes, its, most_tokens)
            for row, prompt, its in zip(rows, batch.prompts, asks, strict=True)
        ]
        run_batch(rollouts, client, engine.complete, engine.is_over)
        return rows, [rollout.logprobs for rollout in rollouts]

    def _runs(self, trainer: Any, prompts: list[Any], group_size: int) -> list[Generation]:
        """A generation for each prompt of this process. Those of a prompt are a group, also across processes."""
        accelerator = trainer.accelerator
        if self._nonce is None:
            self._nonce = str(broadcast_object_list([uuid4().hex[:12]])[0])
        self._calls += 1
        runs, first = [], accelerator.process_index * len(prompts)
        for place, prompt in enumerate(prompts, first):
            group = f"{self._nonce}:{self._calls}:{place // group_size}"
            # Its number in the group is not stated: all samples begin together, so each of them may enrol the group.
            runs.append(self._client.generation(self._context_of(prompt), group=group, samples=group_size))
        return runs

    def _grade(self, prompts: list[Any], completions: list[Any], columns: Mapping[str, Any]) -> "list[float | None]":
        """Rewards of the completions of the last rollouts, which are reported with those of their probes."""
        batch, self._batch = self._batch, None
        if batch is None or len(batch.completions) != len(completions):
            return list(self._reward(prompts=prompts, completions=completions, **columns))  # these are not of a rollout
        probes = batch.probes_to_grade()
        texts = [*completions, *(batch.completion_of(probe, completions[0]) for probe in probes)]
        places = [*range(len(completions)), *(probe.place for probe in probes)]
        ids = [*batch.completions, *(probe.forced.tokens for probe in probes)]
        columns_of_all = _columns_of(columns, places, ids)
        given = self._reward(prompts=[prompts[place] for place in places], completions=texts, **columns_of_all)
        rewards = [None if one is None else float(one) for one in given]  # it may be a tensor
        final = rewards[: len(completions)]
        for probe, reward in zip(probes, rewards[len(completions) :], strict=True):
            probe.forced.step.reward = self._bounds.scaled(reward)
            if batch.is_truncated(probe.place):
                final[probe.place] = reward
        batch.report([self._bounds.scaled(reward) for reward in final])
        if any(row.run.stopped for row in batch.rows):
            _check_control([row.run.control_share for row in batch.rows])
        if batch.rows:
            self._log(batch, final, columns["log_metric"], columns["trainer_state"])
        return final

    def _log(
        self, batch: "_Batch", rewards: "list[float | None]", log_metric: Callable[[str, float], None], state: Any
    ) -> None:
        # Those of all processes, since the samples of a group may be spread over several.
        samples: list[Sample] = gather_object(batch.samples(rewards))
        for arm in ARMS:
            seen = figures_of(arm, samples)
            for name, value in {} if seen is None else seen.metrics().items():
                log_metric(f"stopgate/{arm}/{name}", value)
        if self._reports is not None and state.is_world_process_zero:
            scaled = [one._replace(reward=self._bounds.scaled(one.reward)) for one in samples]
            self._reports.add(state.global_step, scaled)


def _check_control(shares: "Sequence[float | None]") -> None:
    drawn = [share for share in shares if share is not None]
    if drawn and min(drawn) < LEAST_CONTROL:
        warn(
            "few control rollouts",
            f"only {100 * min(drawn):g} % of the prompts are control, which shows too late that stopping has begun to "
            f'lose reward. Set "control_rate": {LEAST_CONTROL} in the policy of its context, or leave it at "auto" and '
            "name a training run (the option run), so that the service knows that the policy moves. Contexts must then "
            "share their first level",
        )


class _Probe(NamedTuple):
    """An answer to be graded, with the place of its rollout."""

    place: int
    forced: ForcedStep


class _Batch:
    """The rollouts of one call, from their prompts to their rewards."""

    def __init__(self, tokenizer: Any, prompts: list[list[int]], mode: str) -> None:
        self.prompts, self.completions, self.rows = prompts, list[list[int]](), list[Row]()
        self.tokenizer, self._mode = tokenizer, mode

    def take(self, rows: list[Row]) -> None:
        """Takes the rollouts that have been generated."""
        self.rows, self.completions = rows, [row.tokens for row in rows]

    @property
    def masks(self) -> list[list[int]]:
        """0 for each forced token of each completion."""
        return [mask_of(row) for row in self.rows] or [[1] * len(completion) for completion in self.completions]

    def is_truncated(self, place: int) -> bool:
        """Whether a rollout was ended at its stop."""
        return self._mode == "truncate" and self.rows[place].run.stopped

    def probes_to_grade(self) -> list[_Probe]:
        """All probes of control rollouts, and of each stop the one that decided."""
        rows = enumerate(self.rows)
        return [_Probe(place, forced) for place, row in rows for forced in steps_to_grade(row, self.tokenizer)]

    def completion_of(self, probe: _Probe, like: Any) -> Any:
        """The completion that a probe stands for, as a text or as messages."""
        ids = probe.forced.tokens
        if isinstance(like, str):
            return self.tokenizer.decode(ids, skip_special_tokens=True)
        if any(getattr(self.tokenizer, name, None) is not None for name in ("response_template", "response_schema")):
            return [parse_response(self.tokenizer, ids, prefix=self.prompts[probe.place])]
        return [{"role": "assistant", "content": self.tokenizer.decode(ids, skip_special_tokens=True)}]

    def report(self, rewards: "list[float | None]") -> None:
        """Reports the outcomes."""
        for place, (row, reward) in enumerate(zip(self.rows, rewards, strict=False)):
            if row.run.steps:
                report(row, reward, self.is_truncated(place))

    def samples(self, rewards: "list[float | None]") -> "list[Sample]":
        """The rollouts with their rewards."""
        return [
            Sample(run.arm, run.group, dict(run.context), run.control_share, reward, len(row.tokens), run.stopped)
            for row, reward in zip(self.rows, rewards, strict=True)
            for run in (row.run,)
        ]


class _AtEnd(TrainerCallback):
    """Reports the last steps of a training."""

    def __init__(self, reports: ArmReports) -> None:
        self._reports = reports

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Forgets what a training that failed has left."""
        self._reports.begin()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Reports from the process that reports."""
        if state.is_world_process_zero:
            self._reports.end()


def _columns_of(columns: Mapping[str, Any], places: Sequence[int], completion_ids: list[list[int]]) -> dict[str, Any]:
    """The columns of the dataset for completions at these places. What is no column stays as it is."""
    count = max(places) + 1
    rows = {
        name: [values[place] for place in places] if isinstance(values, list) and len(values) == count else values
        for name, values in columns.items()
    }
    if "completion_ids" in columns:
        rows["completion_ids"] = completion_ids
    if "log_extra" in columns:  # the trainer expects a value for each rollout, without those for the probes
        rows["log_extra"] = lambda column, values: columns["log_extra"](column, values[:count])
    return rows


def _tokenizer(trainer: Any) -> Any:
    return getattr(trainer.processing_class, "tokenizer", trainer.processing_class)


def _prompt_ids(trainer: Any, prompts: list[Any]) -> list[list[int]]:
    tokenizer = trainer.processing_class
    if is_conversational({"prompt": prompts[0]}):
        tokens = tokenizer.apply_chat_template(
            conversation=prompts, add_generation_prompt=True, tokenize=True, return_dict=True,
            chat_template=trainer.chat_template, **trainer.chat_template_kwargs,
        )  # fmt: skip
    else:
        tokens = tokenizer(text=prompts)
    ids: list[list[int]] = tokens["input_ids"]
    return ids


_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")


def _sampling(trainer: Any) -> Sampling:
    """How the trainer samples with transformers.

    Raises:
        ValueError: `generation_kwargs` has an option that would not hold here.
    """
    given = trainer.args.generation_kwargs or {}
    require_known(trainer, _SAMPLING)
    own = {name: given.get(name, getattr(trainer, name)) for name in _SAMPLING}
    processors = LogitsProcessorList()
    if own["repetition_penalty"] not in (None, 1.0):
        processors.append(RepetitionPenaltyLogitsProcessor(own["repetition_penalty"]))
    top_k = own["top_k"] if own["top_k"] and own["top_k"] > 0 else None
    top_p = own["top_p"] if own["top_p"] is not None and own["top_p"] < 1 else None
    return Sampling(own["temperature"], top_k, top_p, own["min_p"] or None, processors)


def _has_image(prompt: Any) -> bool:
    """Whether a message of a prompt has an image."""
    contents = [message.get("content") for message in prompt] if isinstance(prompt, list) else []
    return any(part.get("type") == "image" for content in contents if isinstance(content, list) for part in content)
