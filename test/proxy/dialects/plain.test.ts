import t from 'tap'
import { CHAT, startUnderTest } from '../proxy-under-test.js'

t.test('a completion is continued by its text, and a chat is passed through', async (t) => {
  const { ask, metric, treated, upstream } = await startUnderTest(t, { owner: 'someone', pauseAt: 40, confidence: () => 0.95 })
  const reply = await (await ask({ model: 'm', prompt: 'six times seven<think>', max_tokens: 200 }, treated, '/v1/completions')).json() as any
  t.match(reply, { choices: [{ text: /^a thought.*\n<\/think>\n\n42$/s }], stopgate: { stopped: true } })
  t.match(upstream.requests.at(-1)!.body.prompt, /^six times seven<think>a thought/)
  t.equal(await metric('stopgate_proxy_prefixes_total{kind="text"}'), 1)
  upstream.release()
  t.notOk('stopgate' in (await (await ask(CHAT)).json() as object))
  t.equal(await metric('stopgate_proxy_passed_total{cause="dialect"}'), 1)
})
