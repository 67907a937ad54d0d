"""Decides, reports an outcome and reads a trade-off with the client that openapi-python-client generates."""

import json
import os

from generated.stopgate_client import Client
from generated.stopgate_client.api.contexts import get_tradeoff
from generated.stopgate_client.api.decide import decide
from generated.stopgate_client.api.report import report_outcome
from generated.stopgate_client.models import Accepted, Decision, Error, Outcome, Step, Tradeoff

client = Client(base_url=os.environ["STOPGATE_URL"])
context = {"model": "example", "task": "example"}

step = {"generation_id": "python-1", "tokens": 0, "confidence": None, "context": context}
decision = decide.sync(client=client, body=Step.from_dict(step))
assert isinstance(decision, Decision)
outcome = {"generation_id": "python-1", "arm": decision.arm, "context": context, "tokens": 96, "em": 1}
accepted = report_outcome.sync(client=client, body=Outcome.from_dict(outcome))
assert isinstance(accepted, Accepted)
tradeoff = get_tradeoff.sync("model=example,task=example", client=client)
assert isinstance(tradeoff, Tradeoff)
error = decide.sync(client=client, body=Step(tokens=-1, confidence=None))
assert isinstance(error, Error)
print(json.dumps({"decision": decision.decision, "accepted": accepted.accepted, "key": tradeoff.key, "error": error.code}))
