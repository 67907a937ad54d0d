"""Asks vLLM with the plug-in by more clients than the engine has seats: what is learned, and what a stop saves then.

In a fresh context so many generations are asked that it could be certified, then further ones by few clients, until it
is. In a context with a pinned threshold, generations are asked by turns with `X-Stopgate: off`. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parent / "model"))

from reasoner.models import MODELS
from reasoner.prompts import Prompt, prompts

MODEL, TASK, FEW, TURN = "boxed", "total", 8, 80
SHOWN = ("probes ok", "probes skipped", "probes failed", "passed engine_full")


class Played:
    """Replies to some prompts."""

    def __init__(self) -> None:
        self.tokens = self.probe_tokens = self.right = self.stopped = self.count = 0
        self.seconds, self.latencies = 0.0, list[float]()

    @property
    def all_tokens(self) -> int:
        """Tokens of the engine."""
        return self.tokens + self.probe_tokens

    def percentile(self, share: float) -> float:
        """Of the time that a reply takes, in seconds."""
        return sorted(self.latencies)[int(share * (len(self.latencies) - 1))]


class Asking:
    """Asks the plug-in, and reads the service."""

    def __init__(self, plugin: httpx.AsyncClient, service: httpx.AsyncClient) -> None:
        self._plugin, self._service, self._spec = plugin, service, MODELS[MODEL]
        self._prompts: Iterator[Prompt] = prompts(self._spec, 1, 1_000_000, [TASK])

    def some(self, count: int) -> list[Prompt]:
        """Prompts that have not been asked."""
        return [next(self._prompts) for _ in range(count)]

    async def play(self, played: Played, some: list[Prompt], clients: int, task: str | None) -> None:
        """Asks all of them, so many at a time. Without a task the plug-in is off."""
        waiting = list(some)
        began = time.perf_counter()

        async def client() -> None:
            while waiting:
                await self._ask(played, waiting.pop(), task)

        await asyncio.gather(*(client() for _ in range(clients)))
        played.seconds += time.perf_counter() - began

    async def _ask(self, played: Played, prompt: Prompt, task: str | None) -> None:
        headers = (
            {"X-Stopgate": "off"}
            if task is None
            else {"X-Stopgate-Context": f"task={task}", "X-Stopgate-Gold": prompt.answer}
        )
        body: dict[str, Any] = {
            "model": "reasoner",
            "messages": [{"role": "user", "content": prompt.content}],
            "temperature": 0,
        }
        began = time.perf_counter()
        reply = (await self._plugin.post("/v1/chat/completions", json=body, headers=headers)).raise_for_status().json()
        played.latencies.append(time.perf_counter() - began)
        said = reply.get("stopgate") or {}
        played.count += 1
        played.tokens += said["tokens"] if said.get("stopped") else reply["usage"]["completion_tokens"]
        played.probe_tokens += said.get("probe_tokens", 0)
        played.stopped += bool(said.get("stopped"))
        played.right += self._spec.extract(reply["choices"][0]["message"]["content"] or "") == prompt.answer

    async def context(self, task: str) -> dict[str, Any]:
        """What the service knows of a context; {}: nothing."""
        reply = await self._service.get("/v1/contexts", params={"prefix": f"model=reasoner,task={task}"})
        return next(iter(reply.json()["contexts"]), {})

    async def counts(self) -> Counter[str]:
        """Counts of the plug-in."""
        counts = (await self._plugin.get("/stopgate/status")).json()["counts"]
        return Counter({name: counts.get(name, 0) for name in SHOWN})

    async def learn(self, clients: int, most: int) -> dict[str, Any]:
        """Asks in a fresh context until it is certified, and then, if it is not, by few clients."""
        task, before, played = f"learn-{clients}", await self.counts(), Played()
        after = await self._certified(task, played, clients, most)
        counts, seconds, later = (await self.counts()) - before, played.seconds, None
        context = await self.context(task)
        if after is None:
            later = await self._certified(task, Played(), FEW, most)
        return {
            "generations": played.count, "seconds": seconds, "certified_after": after, "certified_later": later,
            "check_every_tokens": context.get("generations", {}).get("check_every_tokens"),
            "warnings": context.get("warnings"), "counts": counts,
        }  # fmt: skip

    async def _certified(self, task: str, played: Played, clients: int, most: int) -> int | None:
        """After how many generations a threshold is in force; None: not after `most`."""
        turn = max(TURN, 2 * clients)
        for _ in range(0, most, turn):
            await self.play(played, self.some(turn), clients, task)
            await asyncio.sleep(2)  # outcomes are on their way
            if (await self.context(task)).get("threshold") is not None:
                return played.count
        return None

    async def force(self, clients: int, most: int, task: str) -> dict[str, Any]:
        """Asks at a pinned threshold, by turns with the plug-in off."""
        before, off, on = await self.counts(), Played(), Played()
        turn = max(TURN, 2 * clients)
        for number in range(0, most, turn):
            some = self.some(turn)
            for played, its in ((off, None), (on, task)) if number // turn % 2 else ((on, task), (off, None)):
                await self.play(played, some, clients, its)
        counts = (await self.counts()) - before
        return {
            "generations": on.count, "stopped": on.stopped, "saved": 1 - on.all_tokens / off.all_tokens,
            "wall": off.seconds / on.seconds, "p50": on.percentile(0.5) / off.percentile(0.5),
            "p95": on.percentile(0.95) / off.percentile(0.95), "em_off": off.right / off.count,
            "em_on": on.right / on.count, "counts": counts,
        }  # fmt: skip


async def play(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Plays each number of clients."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(base_url=options.plugin, timeout=300, limits=limits) as plugin,
        httpx.AsyncClient(base_url=options.service) as service,
    ):
        asking, rows = Asking(plugin, service), []
        await asking._certified("force", Played(), FEW, 200)  # the form is found, where a threshold is pinned
        for clients in options.clients:
            learned = await asking.learn(clients, options.learn)
            forced = await asking.force(clients, options.force, "force")
            rows.append({"clients": clients, "learn": learned, "force": forced})
            print(rows[-1], file=sys.stderr)
        return rows


def main() -> None:
    """Reads the addresses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--clients", type=int, nargs="+", default=[6, 12, 16, 48, 96])
    parser.add_argument("--learn", type=int, default=600, help="most generations of a fresh context (default 600)")
    parser.add_argument("--force", type=int, default=240, help="generations at a threshold (default 240)")
    print(json.dumps(asyncio.run(play(parser.parse_args()))))


if __name__ == "__main__":
    main()
