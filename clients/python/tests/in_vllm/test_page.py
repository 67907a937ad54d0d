"""The code of docs/integrate/vllm.md that needs vLLM runs as it stands."""

import asyncio
import re
from typing import Any

from conftest import ROOT, Service
from in_vllm.stand_in import Letters, SamplingParams, StandIn
from stopgate import AsyncClient

PAGE = (ROOT / "docs/integrate/vllm.md").read_text()


class Chatting(Letters):
    def apply_chat_template(self, chat: Any, **options: Any) -> "list[int]":
        return self.encode(f"{chat[0]['content']}<think>")


def test_the_code_of_the_page(service: Service) -> None:
    [code] = [one for one in re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S) if "stopgate.vllm" in one]
    shown: dict[str, Any] = {}
    exec(compile(code, "vllm.md", "exec"), shown)

    async def play() -> None:
        async with AsyncClient(service.url, local=True) as client:
            assert client.wait_ready(120)
            chats = [[{"role": "user", "content": text}] for text in ("six times seven", "seven times six")]
            sampling = SamplingParams(max_tokens=200)
            rollouts = await shown["roll_out"](StandIn(), Chatting(), client, chats, ["42"] * 2, sampling, samples=3)
            assert len(rollouts) == 6 and all(one.text == StandIn.answer for one in rollouts)
            assert client.flush(30) and client.counters.rejected == 0 and client.counters.reported == 6

    asyncio.run(play())
