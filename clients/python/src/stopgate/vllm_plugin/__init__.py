"""Plug-in of vLLM's server that stops reasoning early in all of its APIs.

VLLM_PLUGINS=stopgate STOPGATE_URL=http://127.0.0.1:8080 vllm serve MODEL --reasoning-parser deepseek_r1
"""

import inspect
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from .._telemetry import logger
from ..aio import AsyncClient
from ..reasoning import ReasoningFormat
from .counts import Counts
from .engine import must_keep_seeds
from .exchange import Middleware
from .golds import Golds
from .replies import Calls
from .seats import SHARE, Board, Seats
from .serving import Server
from .trust import ClientTrust

TESTED_VERSIONS = ("0.28.0", "0.32.0")
_OPENING, _CLOSING = "<think>", "</think>"
_PARAMS = (
    "n", "seed", "max_tokens", "min_tokens", "output_kind", "logprobs", "prompt_logprobs", "flat_logprobs",
    "logprob_token_ids", "detokenize", "skip_special_tokens", "stop", "stop_token_ids", "structured_outputs",
    "extra_args", "thinking_token_budget", "logit_bias", "allowed_token_ids", "bad_words", "temperature", "top_p",
    "top_k", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "ignore_eos",
    "skip_reading_prefix_cache",
)  # fmt: skip
_OUTPUT = ("request_id", "prompt", "prompt_token_ids", "outputs", "finished", "num_cached_tokens")
_COMPLETION = ("index", "text", "token_ids", "cumulative_logprob", "logprobs", "finish_reason", "stop_reason")


class Plugin:
    """An endpoint plug-in as vLLM's entry-point group `vllm.endpoint_plugins` wants it.

    A fault in it leaves the server as it is without it.
    """

    name = "stopgate"
    required_tasks = ("generate",)

    def __init__(self) -> None:
        self._counts: Counts | None = None
        self._server: Server | None = None
        self._problem: str | None = "it has not started"

    def attach_router(self, app: Any) -> None:
        """Adds the status, and the middleware that carries headers to generations."""
        _log_like_vllm()
        try:
            app.add_api_route("/stopgate/status", self.status, methods=["GET"], include_in_schema=False)
            app.add_middleware(Middleware)
        except Exception:
            logger.exception("requests are served without their X-Stopgate headers")

    async def init_state(self, engine_client: Any, state: Any, args: Any) -> None:
        """Takes the place of the engine's `generate`, if this version of vLLM is as expected."""
        try:
            self._problem = problem_of(engine_client)
            if self._problem is None:
                server = await _server_of(engine_client, args, Counts())
                if hasattr(engine_client, "shutdown"):
                    engine_client.shutdown = _noting_shutdown(engine_client.shutdown, server)
                _show_waiting(engine_client, server.seats)
                engine_client.generate = self._server = server
        except Exception as error:
            self._problem = repr(error)
            logger.exception("the plug-in can't start")
        if self._problem is not None:
            logger.error("vLLM serves all requests alone: %s", self._problem)

    async def status(self) -> dict[str, Any]:
        """What is certified, the circuit, and the counts."""
        server = self._server
        if server is None:
            return {"problem": self._problem}
        bundle = server.client.bundle
        return {
            "problem": self._problem,
            "vllm": _version(),
            "circuit": "open" if bundle is None else "closed",
            "thresholds": {} if bundle is None else dict(list(bundle.thresholds().items())[:100]),
            "seats": {"total": server.seats.total, "for_probes": server.seats.reserve, **server.seats.taken._asdict()},
            "counts": server.counts.all(),
        }


def _noting_shutdown(shutdown: Callable[..., Any], server: Server) -> Callable[..., Any]:
    """The engine's `shutdown`, which the server calls on SIGTERM: from then on reasoning goes on to its end."""

    def shut_down(*args: Any, **options: Any) -> Any:
        server.is_draining = True
        return shutdown(*args, **options)

    return shut_down


def _show_waiting(engine: Any, seats: Seats) -> None:
    """Adds the requests that wait here to those of vLLM's own metrics, by which servers are scaled."""
    manager = getattr(engine, "logger_manager", None)
    if manager is None:
        return
    record = manager.record

    def recording(*args: Any, **options: Any) -> Any:
        stats = options.get("scheduler_stats")
        if stats is not None and not options.get("engine_idx"):
            stats.num_waiting_reqs += seats.waiting
        return record(*args, **options)

    manager.record = recording


def _seats_of(config: Any, settings: Mapping[str, str]) -> Seats:
    try:
        share = float(settings.get("STOPGATE_PROBE_SEATS", SHARE))
    except ValueError:
        share = -1
    if not 0 <= share <= 0.5:
        raise ValueError("STOPGATE_PROBE_SEATS must be a share of the engine's seats from 0 to 0.5")
    parallel, total = config.parallel_config, config.scheduler_config.max_num_seqs
    if not parallel.data_parallel_external_lb:
        is_hybrid = parallel.data_parallel_hybrid_lb
        total *= parallel.data_parallel_size_local if is_hybrid else parallel.data_parallel_size
    count, rank = parallel._api_process_count, parallel._api_process_rank
    board = Board(rank, count) if count > 1 else None
    return Seats(total, share, board)


def _log_like_vllm() -> None:
    """Writes log lines as vLLM does; without it only warnings would appear."""
    if not logger.handlers:
        logger.handlers = list(logging.getLogger("vllm").handlers)
        logger.propagate = not logger.handlers
        logger.setLevel(logging.INFO)


def _version() -> str:
    import vllm

    return str(getattr(vllm, "__version__", "unknown"))


def problem_of(engine: Any) -> str | None:
    """Why the plug-in does not fit this version of vLLM; None: it does."""
    if engine is None:
        return "this server has no engine"
    from vllm import SamplingParams
    from vllm.outputs import CompletionOutput, RequestOutput

    wanted = inspect.signature(engine.generate).parameters
    missing = [name for name in ("prompt", "sampling_params", "request_id") if name not in wanted]
    params = SamplingParams()
    missing += [f"SamplingParams.{name}" for name in _PARAMS if not hasattr(params, name)]
    for kind, names in ((RequestOutput, _OUTPUT), (CompletionOutput, _COMPLETION)):
        fields = inspect.signature(kind).parameters
        missing += [f"{kind.__name__}.{name}" for name in names if name not in fields]
    if missing:
        return f"vLLM {_version()} lacks {', '.join(missing)}"
    if _returns_experts(engine):
        return "--enable-return-routed-experts: behind a stop those of the reasoning would be missing"
    if not any(_version().startswith(version) for version in TESTED_VERSIONS):
        logger.warning("the plug-in was tested with vLLM %s, and this is %s", ", ".join(TESTED_VERSIONS), _version())
    return None


def _returns_experts(engine: Any) -> bool:
    config = getattr(getattr(engine, "vllm_config", None), "model_config", None)
    return bool(getattr(config, "enable_return_routed_experts", False))


async def _server_of(engine: Any, args: Any, counts: Counts) -> Server:
    tokenizer = engine.get_tokenizer()
    if inspect.isawaitable(tokenizer):
        tokenizer = await tokenizer
    config = engine.vllm_config
    parser = _reasoning_parser(config, tokenizer)
    opening = getattr(parser, "reasoning_start_str", None) or _OPENING
    closing = getattr(parser, "reasoning_end_str", None) or _CLOSING
    served = getattr(args, "served_model_name", None) or [args.model]
    path = os.environ.get("STOPGATE_GOLD")
    golds = Golds(path) if path else None
    if golds is not None:
        logger.info("%d prompts have a right answer in %s", len(golds), path)
    trust = _trust_of(os.environ)
    client = AsyncClient(os.environ.get("STOPGATE_URL"), local=True)
    logger.info("reasoning between %s and %s is stopped by %s", opening, closing, client.url)
    return Server(
        engine.generate, client, tokenizer,
        reasoning=ReasoningFormat(end=closing.strip()),
        opening=opening.strip(),
        model=served[0] if isinstance(served, list) else served,
        calls=Calls(_tool_parser(args), tokenizer),
        counts=counts,
        has_parser=parser is not None,
        max_model_len=config.model_config.max_model_len,
        seats=_seats_of(config, os.environ),
        has_priorities=config.scheduler_config.policy == "priority",
        keeps_seeds=must_keep_seeds(config),
        make_tool=_make_tool,
        golds=golds,
        ends=_ends_of(config.model_config),
        trust=trust,
    )  # fmt: skip


def _trust_of(settings: Mapping[str, str]) -> ClientTrust:
    wanted, contexts = settings.get("STOPGATE_TRUST_CLIENTS", "no"), settings.get("STOPGATE_CONTEXTS", "")
    if wanted not in ("no", "yes"):
        raise ValueError(f"STOPGATE_TRUST_CLIENTS must be no or yes, not {wanted!r}")
    if wanted == "yes":
        logger.info("clients are trusted: whoever can send a request can state labels, groups and contexts")
    else:
        logger.info(
            "clients are not trusted: their labels, groups and contexts are left out, except contexts that "
            "STOPGATE_CONTEXTS (%s) names", contexts,
        )  # fmt: skip
    return ClientTrust(wanted == "yes", contexts)


def _ends_of(config: Any) -> list[int]:
    """The tokens at which the model's generation config ends a sequence."""
    try:
        ends = config.try_get_generation_config().get("eos_token_id")
    except Exception as error:
        logger.warning("only the tokenizer's own end of a sequence is known: %r", error)
        return []
    return [] if ends is None else [ends] if isinstance(ends, int) else [*ends]


def _reasoning_parser(config: Any, tokenizer: Any) -> Any:
    """The engine's reasoning parser; None: it has none."""
    name = getattr(config.structured_outputs_config, "reasoning_parser", None)
    if not name:
        return None
    from vllm.reasoning import ReasoningParserManager

    return ReasoningParserManager.get_reasoning_parser(name)(tokenizer)


def _tool_parser(args: Any) -> Any:
    """The class of the server's tool parser; None: it has none."""
    name = getattr(args, "tool_call_parser", None)
    if not name:
        return None
    from vllm.tool_parsers import ToolParserManager

    return ToolParserManager.get_tool_parser(name)


def _make_tool(tool: dict[str, Any]) -> Any:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionToolsParam

    return ChatCompletionToolsParam.model_validate(tool)
