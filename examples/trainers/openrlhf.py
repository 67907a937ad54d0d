# An executor of OpenRLHF (`--agent_func_path`). `action_ranges` holds what the model chose, so forced tokens split it.
# OpenRLHF evaluates by the same executor, so its scores are of stopped answers, which become evidence, too. Yours: score.
from copy import deepcopy

from stopgate import AsyncClient
from stopgate.rollout import Said, rollout

client = AsyncClient("http://localhost:8080")


class AgentExecutor(AgentExecutorBase):
    async def execute(self, prompt, label, sampling_params, max_length, hf_tokenizer, llm_engine, images=None):
        ids = hf_tokenizer(text=prompt, add_special_tokens=False)["input_ids"]

        async def complete(turn):
            params = deepcopy(sampling_params)
            params.max_tokens, params.logprobs = turn.max_tokens, 0
            if turn.is_greedy:
                params.temperature = 0.0
            said = (await llm_engine.generate(turn.prompt, params)).outputs[0]
            levels = [level[token].logprob for token, level in zip(said.token_ids, said.logprobs)]
            return Said(list(said.token_ids), levels, said.finish_reason == "stop")

        async def reward(completions):
            return [score(hf_tokenizer.decode(tokens), label) for tokens in completions]

        done = await rollout(
            client, client.generation({"model": "q-rl"}, prompt=ids), ids, hf_tokenizer, complete,
            max_new_tokens=min(sampling_params.max_tokens, max_length - len(ids)), end_ids={hf_tokenizer.eos_token_id}, reward=reward,
        )
        chosen = [len(ids) + place for place, kept in enumerate(done.mask) if kept]
        return {
            "prompt": prompt, "label": label, "images": images, "mm_train_inputs": None, "extra_logs": {},
            "reward": done.reward, "scores": done.reward, "observation_tokens": ids + done.tokens,
            "action_ranges": [(place, place + 1) for place in chosen],
            "rollout_log_probs": [0.0] * len(ids) + [level or 0.0 for level in done.logprobs],
        }
