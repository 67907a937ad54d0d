"""Which generations of vLLM's server are reported, and how."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from conftest import Service, auntil
from fake_vllm import FakeEngine, RequestOutputKind
from stopgate.vllm_plugin.outputs import Folded
from stopgate.vllm_plugin.serving import Server
from vllm_server import IN_ONE, PROMPT, STREAMED, WHOLE, arm_is, held, play, prepare, raising, requesting, said, wanting


class FailedError(Exception):
    """The server's own."""


async def served(outputs: "AsyncGenerator[Any, None]") -> None:
    """Reads outputs as vLLM's server does, which gives up a request at an output with an error."""
    async with aclosing(outputs):
        async for output in outputs:
            if any(one.finish_reason == "error" for one in output.outputs):
                raise FailedError


@pytest.mark.parametrize("kind", [STREAMED, IN_ONE])
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("fate", ["raises", "error", "abort", "given up", "disconnected"])
def test_only_a_client_that_went_away_has_cancelled(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: RequestOutputKind, n: int, fate: str
) -> None:
    """Any other generation that does not end stays missing, since failures may go with difficulty."""
    arm_is(monkeypatch, "control")
    task = f"plug-fate-{kind.value}-{n}-{fate.replace(' ', '')}"
    prepare(service, task, 0.9)
    last = "r" if n == 1 else f"{n - 1}_r"

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        own = engine._tokens

        async def tokens(request: Any, id: str, seed: Any) -> Any:
            async for place in own(request, id, seed):
                is_here = id == last and len(request.said) == 40
                if is_here and fate == "raises":
                    raise RuntimeError("the engine is dead")
                yield (*place[:2], fate) if is_here and fate in ("error", "abort") else place
                if is_here and fate in ("error", "abort"):
                    return
                if is_here:
                    await asyncio.Event().wait()  # until it is given up

        engine._tokens = tokens  # type: ignore[method-assign]
        with requesting(task) as exchange:
            serving = asyncio.ensure_future(served(server(PROMPT, wanting(kind, n=n), "r")))
            if fate in ("given up", "disconnected"):
                await auntil(lambda: len(getattr(engine.requests.get(last), "said", ())) >= 40)
                if fate == "disconnected":
                    exchange.received({"type": "http.disconnect"})
                serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        await server.settle()
        ends = {name.split()[2]: count for name, count in server.counts.all().items() if name.startswith("generations")}
        assert sum(ends.values()) == n and ("cancelled" in ends) == (fate == "disconnected"), ends
        assert ends.get("failed", 0) >= (fate != "disconnected")
        reported = n - ends.get("failed", 0)
        assert server.client.flush(30) and server.client.counters.reported == reported
        assert engine.running == 0 and "faults" not in server.counts.all()

    play(service, task, test)


@pytest.mark.parametrize("name", ["add", "whole"])
def test_a_sample_that_starts_again_is_not_reported(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, f"plug-restart-{name}", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        monkeypatch.setattr(Folded, name, raising)
        with requesting(f"plug-restart-{name}") as exchange:
            [one] = await said(server(PROMPT, wanting(IN_ONE), "r"))
        await server.settle()
        assert one["tokens"] == WHOLE and exchange.fields == []
        assert [name for name in server.counts.all() if name.startswith("generations")] in (
            ["generations none failed"], ["generations treated failed"],
        )  # fmt: skip
        assert server.client.flush(30) and server.client.counters.reported == 0

    play(service, f"plug-restart-{name}", test, confidence=lambda tokens: 0.95)
