"""Enough generations, played by the client, are certified and stopped, whoever decides."""

import pytest

from conftest import Service, until
from playing import Played, is_right
from stopgate import Client


@pytest.mark.parametrize("local", [False, True])
def test_generations_learn_to_stop(service: Service, local: bool) -> None:
    key = f"model=q,task=learning-{local}"
    where = {"model": "q", "task": f"learning-{local}"}
    service.put(f"/v1/contexts/{key}/policy", {"follow_up_seconds": 5})
    with Client(service.url, timeout=30, local=local) as client:
        assert client.wait_ready(30)

        def play() -> int:
            rows = [Played(128, knows_at=64) for _ in range(100)]
            runs = [client.generation(where, grade=is_right) for _ in rows]
            for tokens in (32, 64, 96):
                for row in rows:
                    row.generate(tokens)
                client.check(
                    run.observe(tokens, row.probe()) for run, row in zip(runs, rows, strict=True) if run.due(tokens)
                )
            for run in runs:
                run.finish("right", tokens=run.steps[-1].tokens if run.stopped else 128)
            assert client.flush(30)
            return sum(run.stopped for run in runs)

        until("most generations are stopped", lambda: play() > 50, 60)
        said = until(
            "both arms are accounted for", lambda: (v := service.context(key)["follow_up"])["reported"] > 200 and v
        )
        assert said["missing"] == 0
        assert client.counters.rejected == 0
        assert (client.counters.enrolled > 0) == local
        assert (client.counters.calls == 0) == local
