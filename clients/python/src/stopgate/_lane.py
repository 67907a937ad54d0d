"""Gathers what the tasks of one event loop ask at the same time into one call."""

import asyncio
from collections import deque

from ._decisions import COLUMNS_PATH, MAX_ROWS
from ._http import AsyncConnection
from ._session import Session
from ._telemetry import logger
from .generation import Generation

_MOST_CALLS = 4


class Lane:
    """The calls of one event loop. While four calls are under way, what is asked waits and goes together."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: deque[tuple[list[Generation], asyncio.Future[None]]] = deque()
        self._idle: list[AsyncConnection] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._is_scheduled = False

    async def ask(self, generations: list[Generation]) -> None:
        """Returns when all of the generations are decided, or go on without a decision."""
        loop = asyncio.get_running_loop()
        for first in range(0, len(generations), MAX_ROWS):
            answered: asyncio.Future[None] = loop.create_future()
            self._waiting.append((generations[first : first + MAX_ROWS], answered))
            if not self._is_scheduled:
                self._is_scheduled = True
                loop.call_soon(self._flush)
            await answered

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _flush(self) -> None:
        self._is_scheduled = False
        while self._waiting and len(self._calls) < _MOST_CALLS:
            generations: list[Generation] = []
            answered: list[asyncio.Future[None]] = []
            while self._waiting and len(generations) + len(self._waiting[0][0]) <= MAX_ROWS:
                more, future = self._waiting.popleft()
                generations += more
                answered.append(future)
            call = asyncio.get_running_loop().create_task(self._answer(generations, answered))
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _ended(self, call: "asyncio.Task[None]") -> None:
        self._calls.discard(call)
        self._flush()

    async def _answer(self, generations: list[Generation], answered: "list[asyncio.Future[None]]") -> None:
        try:
            await self._call(generations)
        except Exception:  # a generation may not fail because it can't be asked about
            logger.exception("generations go on without a decision")
        finally:
            for future in answered:
                if not future.done():
                    future.set_result(None)

    async def _call(self, generations: list[Generation]) -> None:
        session = self._session
        body = session.decisions.body_of(generations)
        if body is None:
            return
        connection = self._idle.pop() if self._idle else AsyncConnection(session.endpoint)
        with session.decisions.continuing_on_failure(generations):
            session.decisions.take(
                generations, await connection.call("POST", COLUMNS_PATH, body, timeout=session.timeout)
            )
        self._idle.append(connection)
