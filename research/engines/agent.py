"""Runs an agent of OpenAI's Agents SDK with a tool through the proxy at the URL given, with the headers given as JSON.

Prints the calls and the final output of a run that is not streamed and of one that is, as JSON.
"""

import asyncio
import json
import sys
from typing import Any

from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

URL, HEADERS = sys.argv[1], json.loads(sys.argv[2])
set_tracing_disabled(True)
calls: list[dict[str, Any]] = []


@function_tool
def set_heat(room: str, level: int) -> str:
    """Heats a room."""
    calls.append({"room": room, "level": level})
    return "total 120: a4 b9 c1"


async def main() -> None:
    """Runs the agent twice."""
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0, default_headers=HEADERS)
    model = OpenAIChatCompletionsModel(model="reasoner", openai_client=client)
    agent = Agent(name="heating", model=model, tools=[set_heat], model_settings=ModelSettings(temperature=0))
    once = await Runner.run(agent, "heat hall 437: a8 b5 c2", max_turns=4)
    streamed = Runner.run_streamed(agent, "heat hall 437: a8 b5 c2", max_turns=4)
    async for _ in streamed.stream_events():
        pass
    print(json.dumps({"calls": calls, "outputs": [once.final_output, streamed.final_output]}))


asyncio.run(main())
