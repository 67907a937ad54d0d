"""Blocking connections that are kept alive and shared by threads, with a deadline for each call as a whole."""

import socket
import time
from collections import deque
from collections.abc import Mapping

from ._http import Endpoint, Reply, ReplyReader
from .errors import CallFailed

_MOST_IDLE = 8


class Connections:
    """Calls a service. Threads may call at the same time; each call has a connection of its own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._idle: deque[socket.socket] = deque()

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float,
    ) -> Reply:
        """Sends a request and returns the reply, whatever its status.

        Where the service has closed an idle connection meanwhile, the request is sent again over another.

        Args:
            timeout: seconds for all of it, without the look-up of a host's name.

        Raises:
            CallFailed: no contact, no time left, or no HTTP.
        """
        deadline = time.monotonic() + timeout
        request = self._endpoint.request(method, path, body, headers)
        try:
            while (connection := self._take()) is not None:
                reply = self._exchange(connection, request, deadline, is_reused=True)
                if reply is not None:
                    return reply
            reply = self._exchange(self._connect(deadline), request, deadline, is_reused=False)
            assert reply is not None
            return reply
        except OSError as error:
            raise CallFailed(f"{type(error).__name__}: {error}") from error

    def forget(self) -> None:
        """Leaves idle connections to the process that shares them, after a fork."""
        self._idle = deque()

    def close(self) -> None:
        """Closes the idle connections."""
        while (connection := self._take()) is not None:
            connection.close()

    def _take(self) -> socket.socket | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self, deadline: float) -> socket.socket:
        address = (self._endpoint.host, self._endpoint.port)
        connection = socket.create_connection(address, timeout=_left(deadline))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._endpoint.ssl_context is None:
            return connection
        connection.settimeout(_left(deadline))
        return self._endpoint.ssl_context.wrap_socket(connection, server_hostname=self._endpoint.host)

    def _exchange(self, connection: socket.socket, request: bytes, deadline: float, is_reused: bool) -> Reply | None:
        """Returns None where the other side had closed a connection that was reused."""
        reader = ReplyReader()
        reply: Reply | None = None
        try:
            connection.settimeout(_left(deadline))
            connection.sendall(request)
            while reply is None:
                connection.settimeout(_left(deadline))
                data = connection.recv(65_536)
                if not data and is_reused and not reader.has_begun:
                    return None
                reply = reader.feed(data)
            return reply
        except (ConnectionResetError, BrokenPipeError):
            if is_reused and not reader.has_begun:
                return None
            raise
        finally:
            if reply is not None and reply.keeps_alive and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
            else:
                connection.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
