"""The code of docs/integrate/transformers.md runs as it stands."""

import re
from typing import Any

from conftest import ROOT, Service
from hf.tiny import prompts, tiny_model, tiny_tokenizer

PAGE = (ROOT / "docs/integrate/transformers.md").read_text()


def test_the_code_of_the_page(service: Service) -> None:
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S))
    shown: dict[str, Any] = {}
    exec(compile(code.replace("http://localhost:8080", service.url), "transformers.md", "exec"), shown)
    model, tokenizer = tiny_model(), tiny_tokenizer()
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    chats = [[{"role": "user", "content": text}] for text in ("abc", "hello")]
    model.generation_config.max_length = 60
    answers = shown["solve"](model, tokenizer, chats, lambda chat, answer: True)
    inputs = prompts(tokenizer, ["abc", "hello"])
    runs = [shown["client"].generation({"model": "qwen3-8b", "task": "gsm8k"}) for _ in chats]
    assert shown["solve_with_criteria"](model, tokenizer, inputs, runs, 40) == answers
    assert shown["boxed"].extract("is \\boxed{42}.") == shown["boxed"].extract("42}") == "42"
    assert shown["client"].flush(30) and shown["client"].counters.rejected == 0
    shown["client"].close()
