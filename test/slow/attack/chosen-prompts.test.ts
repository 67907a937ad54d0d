import { createHash } from 'node:crypto'
import t from 'tap'
import { uniform } from '../../../src/core/decide/arm.js'
import { PINNED, startUnderTest } from '../../proxy/proxy-under-test.js'

// Replies show the arm. murmur3 carries 32 bits from the salt to the prompt, so whoever has seen some forty arms of prompts whose hashes
// are known finds these bits by trying all, and then the arm of any prompt. Easy prompts that are chosen to be control would be most of the
// evidence at a control share of 2 %, although they are a small part of the traffic.

const PROMPTS = 400
const SHARE = 0.5

/** What the client can compute: the hash that the proxy makes of its request before it uses a secret. */
function hashOf (model: string, prompt: string): string {
  return createHash('sha256').update(JSON.stringify([model, prompt, Math.floor(Date.now() / 1_800_000)])).digest('hex').slice(0, 32)
}

t.test('a client that has found the state of the draw cannot choose prompts by their arm', async (t) => {
  const env = { PROXY_TRUST_CLIENTS: 'no', PROXY_CONTEXTS: 'task=pinned' }
  const { ask, service } = await startUnderTest(t, { confidence: () => 0.5 }, env, {}, SHARE)
  const { salt } = service.snapshotHolder.snapshot()
  const isRight = await Promise.all(Array.from({ length: PROMPTS }, async (_, i) => {
    const prompt = `question ${i}<think>`
    const foreseen = uniform(salt!, hashOf('m', prompt)) < SHARE ? 'control' : 'treated'
    const reply = await ask({ model: 'm', prompt, max_tokens: 500 }, { 'x-stopgate-context': 'task=pinned' }, '/v1/completions')
    const { stopgate: { arm } } = await reply.json() as { stopgate: { arm: string } }
    return arm === foreseen
  }))
  const right = isRight.filter(Boolean).length
  t.comment(`${right} of ${PROMPTS} arms were foreseen in ${PINNED}`)
  t.ok(Math.abs(right - PROMPTS / 2) < 60, 'no better than chance (six standard deviations)')
})
