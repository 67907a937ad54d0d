# An agent loop of verl (`verl.experimental.agent_loop`). Name it by `agent_name` in the training data, and another loop in
# the validation data, or its answers are stopped and become evidence, too. Yours: compute_score.
from uuid import uuid4

from stopgate import AsyncClient
from stopgate.rollout import Said, rollout

client = AsyncClient("http://localhost:8080")


@register("stopgate")
class StoppedLoop(AgentLoopBase):
    async def run(self, sampling_params, **kwargs):
        prompt = await self.apply_chat_template(list(kwargs["raw_prompt"]))
        target = kwargs["reward_model"]["ground_truth"]

        async def complete(turn):
            params = {**sampling_params, "max_tokens": turn.max_tokens, "logprobs": True}
            if turn.is_greedy:
                params["temperature"] = 0.0
            said = await self.server_manager.generate(request_id, prompt_ids=turn.prompt, sampling_params=params)
            has_ended = len(said.token_ids) < turn.max_tokens or said.token_ids[-1] == self.tokenizer.eos_token_id
            return Said(said.token_ids, said.log_probs, has_ended)

        async def reward(completions):
            texts = [self.tokenizer.decode(tokens, skip_special_tokens=True) for tokens in completions]
            return [compute_score(kwargs["data_source"], text, target) for text in texts]

        request_id = uuid4().hex  # all turns go to the server that has the prefix
        run = client.generation({"model": "q-rl", "task": kwargs["data_source"]}, prompt=prompt)
        limit = self.config.actor_rollout_ref.rollout.response_length
        done = await rollout(
            client, run, prompt, self.tokenizer, complete, max_new_tokens=limit,
            end_ids={self.tokenizer.eos_token_id}, reward=reward,
        )
        return AgentLoopOutput(
            prompt_ids=prompt, response_ids=done.tokens, response_mask=done.mask, reward_score=done.reward,
            response_logprobs=[level or 0.0 for level in done.logprobs], num_turns=2, metrics=AgentLoopMetrics(),
        )
