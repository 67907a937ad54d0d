"""What a client has done."""

from dataclasses import dataclass


@dataclass
class Counters:
    """Counts since the client was made, or since its process was forked. Under threads they are approximate."""

    checks: int = 0
    """Steps at which a decision was wanted."""
    calls: int = 0
    """Calls for decisions."""
    failures: int = 0
    """Calls for decisions without a usable reply."""
    undecided: int = 0
    """Steps that went on because the service could not be asked."""
    stops: int = 0
    """Generations stopped."""
    enrolled: int = 0
    """Generations reported to POST /v1/enrolments, which only local deciders do."""
    reported: int = 0
    """Outcomes and labels that the service has accepted."""
    rejected: int = 0
    """Outcomes and labels that the service refused for good."""
    dropped: int = 0
    """Outcomes and labels given up because the queue was full."""
    probe_tokens: int = 0
    """Tokens decoded only for probes."""
    prefill_tokens: int = 0
    """Tokens prefilled anew only for probes."""
