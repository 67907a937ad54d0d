# python3 examples/transformers_batch.py Qwen/Qwen3-0.6B
#
# Needs `pip install './clients/python[hf]'`. Generates a batch; rows whose answer is settled are stopped.
import sys

from transformers import AutoModelForCausalLM, AutoTokenizer

from stopgate import Client
from stopgate.hf import generate

NAME = sys.argv[1] if len(sys.argv) > 1 else "Qwen/Qwen3-0.6B"
QUESTIONS = {"What is 17 * 23?": "391", "What is 12 + 30?": "42"}

tokenizer = AutoTokenizer.from_pretrained(NAME, padding_side="left")
model = AutoModelForCausalLM.from_pretrained(NAME)
chats = [[{"role": "user", "content": question}] for question in QUESTIONS]
inputs = tokenizer.apply_chat_template(
    chats, add_generation_prompt=True, padding=True, return_dict=True, return_tensors="pt"
)

with Client() as client:
    runs = [
        client.generation({"model": NAME.split("/")[-1], "task": "demo"}, prompt=question, grade=right.__eq__)
        for question, right in QUESTIONS.items()
    ]
    for one in generate(model, tokenizer, inputs, client, runs, max_new_tokens=512):
        print(one.answer)
    client.flush()
    print(client.counters)
