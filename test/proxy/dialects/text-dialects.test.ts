import t from 'tap'
import { CHAT, startUnderTest } from '../proxy-under-test.js'

t.test('with a server of unknown kind, a completion is continued as text, and a chat is passed through', async (t) => {
  const { ask, metric, treated, upstream } = await startUnderTest(t, { owner: 'someone', pauseAt: 40, confidence: () => 0.95 })
  const reply = await (await ask({ model: 'm', prompt: 'six times seven<think>', max_tokens: 200 }, treated, '/v1/completions')).json() as any
  t.match(reply, { choices: [{ text: /^a thought.*\n<\/think>\n\n42$/s }], stopgate: { stopped: true } })
  t.match(upstream.requests.at(-1)!.body.prompt, /^six times seven<think>a thought/)
  t.equal(await metric('stopgate_proxy_prefixes_total{kind="text"}'), 1)
  upstream.release()
  t.notOk('stopgate' in (await (await ask(CHAT)).json() as object))
  t.equal(await metric('stopgate_proxy_passed_total{cause="dialect"}'), 1)
})

t.test('with SGLang, a chat is continued as an unfinished message', async (t) => {
  const { ask, treated, upstream } = await startUnderTest(t, { owner: 'sglang', pauseAt: 40, confidence: () => 0.95 })
  t.match(await (await ask(CHAT, treated)).json(), { choices: [{ message: { content: '42' } }], stopgate: { stopped: true } })
  const { body } = upstream.requests.at(-1)!
  t.match(body, { continue_final_message: true, separate_reasoning: false, stream: true })
  t.match(body.messages.at(-1), { role: 'assistant', content: /^<think>\na thought.*\n<\/think>\n\n$/s })
  t.notOk('prompt' in body)
})
