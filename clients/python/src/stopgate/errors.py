"""The exceptions of this package. No method that a worker calls raises because of the service."""


class ClientGone(Exception):  # noqa: N818 - an event, not an error
    """To be raised by `generate` or `probe` when the client of a generation went away, and for no other reason.

    The generation is then reported as cancelled and is not evidence. A generation that a worker kills or retries itself
    is not cancelled: raise any other exception, and nothing is reported.
    """


class CallFailed(Exception):  # noqa: N818
    """A call got no usable reply: the service cannot be reached, is too slow, or answered with a status other than 2xx.

    Args:
        message: describes the failure.
        status: the HTTP status; None without a reply.
        retry_after: seconds after which the service asks to be called again; None: unknown.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def may_succeed_later(self) -> bool:
        """Whether the same call may succeed later: after 429, a 5xx or no reply."""
        return self.status is None or self.status == 429 or self.status >= 500


class CallTimedOut(CallFailed):
    """A call got no complete reply within its timeout.

    Args:
        seconds: the timeout.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no reply within {seconds:g} s")
