"""Runs an agent of OpenAI's Agents SDK through the proxy at the URL given: once, streamed, and with a tool. Prints what it says, in JSON."""

import asyncio
import json
import sys

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

URL, HEADERS = sys.argv[1], json.loads(sys.argv[2])
set_tracing_disabled(True)


@function_tool
def multiply(a: int, b: int) -> int:
    """Multiplies two numbers."""
    return a * b


async def main() -> None:
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key="secret", max_retries=0, default_headers=HEADERS)
    model = OpenAIChatCompletionsModel(model="m", openai_client=client)
    plain = Agent(name="plain", instructions="Answer.", model=model)
    once = await Runner.run(plain, "what is six times seven?")
    streamed = Runner.run_streamed(plain, "what is six times seven?")
    kinds = {event.type async for event in streamed.stream_events()}
    with_tool = await Runner.run(Agent(name="tool", model=model, tools=[multiply]), "what is six times seven?")
    print(json.dumps([once.final_output, streamed.final_output, "raw_response_event" in kinds, with_tool.final_output]))


asyncio.run(main())
