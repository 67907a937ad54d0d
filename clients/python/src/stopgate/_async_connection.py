"""A connection of one event loop that is kept alive, with a deadline for each call as a whole."""

import asyncio

from ._http import Endpoint, Reply, ReplyReader
from .errors import CallFailed

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class AsyncConnection:
    """Calls a service, one call after the other."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._streams: _Streams | None = None

    async def call(self, method: str, path: str, body: bytes, *, timeout: float) -> Reply:
        """Sends a request and returns the reply, whatever its status.

        Args:
            timeout: seconds for all of it.

        Raises:
            CallFailed: no contact, no time left, or no HTTP.
        """
        try:
            return await asyncio.wait_for(self._call(self._endpoint.request(method, path, body)), timeout)
        except (OSError, asyncio.TimeoutError) as error:
            self.close()
            raise CallFailed(f"{type(error).__name__}: {str(error) or f'no reply within {timeout} s'}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _call(self, request: bytes) -> Reply:
        if self._streams is not None:
            reply = await self._exchange(self._streams, request, is_reused=True)
            if reply is not None:
                return reply
            self.close()
        endpoint = self._endpoint
        self._streams = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=endpoint.ssl_context)
        reply = await self._exchange(self._streams, request, is_reused=False)
        assert reply is not None
        return reply

    async def _exchange(self, streams: _Streams, request: bytes, is_reused: bool) -> Reply | None:
        """Returns None where the other side had closed a connection that was reused."""
        reader, writer = streams
        read = ReplyReader()
        reply: Reply | None = None
        try:
            writer.write(request)
            while reply is None:
                data = await reader.read(65_536)
                if not data and is_reused and not read.has_begun:
                    return None
                reply = read.feed(data)
        except (ConnectionResetError, BrokenPipeError):
            if is_reused and not read.has_begun:
                return None
            raise
        if not reply.keeps_alive:
            self.close()
        return reply
