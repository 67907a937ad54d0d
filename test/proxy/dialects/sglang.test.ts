import t from 'tap'
import { CHAT, startUnderTest } from '../proxy-under-test.js'

t.test('a chat is continued as an unfinished message', async (t) => {
  const { ask, treated, upstream } = await startUnderTest(t, { owner: 'sglang', pauseAt: 40, confidence: () => 0.95 })
  t.match(await (await ask(CHAT, treated)).json(), { choices: [{ message: { content: '42' } }], stopgate: { stopped: true } })
  const { body } = upstream.requests.at(-1)!
  t.match(body, { continue_final_message: true, separate_reasoning: false, stream: true })
  t.match(body.messages.at(-1), { role: 'assistant', content: /^<think>\na thought.*\n<\/think>\n\n$/s })
  t.notOk('prompt' in body)
})
