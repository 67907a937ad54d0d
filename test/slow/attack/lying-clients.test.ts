import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { quickPolicy, SHUFFLED } from '../../quick-policy.js'
import { temporaryFolder, until } from '../../helper.js'
import { startUnderTest, type UnderTest } from '../../proxy/proxy-under-test.js'

// A world in which one honest prompt in ten loses its answer if its reasoning is stopped, and in which 11 % of requests come from clients
// that state the answer of stopped reasoning as the right one. All right answers to the honest prompts are known.

const KEY = 'model=m,task=-'
const HONEST = 712
const LIARS = 88
/** The bound is wider than the default, so that it takes fewer generations to certify, and still half of what is lost. */
const POLICY = { DEFAULT_POLICY: quickPolicy({ ...SHUFFLED, max_em_drop: 0.05 }) }
const AT_ONCE = 32
const losesEarly = (number: number) => number % 10 === 0
const promptOf = (number: number, isLie: boolean) => `${isLie ? 'lie' : 'question'} ${number}: what is it?<think>`

/** The early answer to a lie is wrong, too. */
function answerTo (prompt: string, isForced: boolean): string {
  const [, kind, digits] = /(lie|question) (\d+)/.exec(prompt)!
  const number = Number(digits)
  return String(1000 + number + (isForced && (kind === 'lie' || losesEarly(number)) ? 5000 : 0))
}

/** States the answer of stopped reasoning as the right one. */
const stateEarly = async (ask: UnderTest['ask'], prompt: string) =>
  await (await ask({ model: 'm', prompt, max_tokens: 500 }, { 'x-stopgate-gold': answerTo(prompt, true) }, '/v1/completions')).text()

/** Leaves as soon as the reasoning begins, so that a prompt that would lose its answer is left out. */
async function leave (ask: UnderTest['ask'], prompt: string): Promise<void> {
  const gone = new AbortController()
  const reply = await ask({ model: 'm', prompt, max_tokens: 500, stream: true }, {}, '/v1/completions', gone.signal)
  gone.abort()
  await reply.text().catch(() => {})
}

/** @param lie sends a request of a client that lies */
async function play (t: Test, trust: 'yes' | 'no', lie: (ask: UnderTest['ask'], prompt: string) => Promise<unknown> = stateEarly) {
  const numbers = [...Array(HONEST).keys()]
  const golds = join(await temporaryFolder(t), 'gold.jsonl')
  await writeFile(golds, numbers.map((i) => JSON.stringify({ prompt: promptOf(i, false), gold: String(1000 + i) })).join('\n'))
  const env = { PROXY_TRUST_CLIENTS: trust, PROXY_GOLD: golds }
  const { ask, service, metric } = await startUnderTest(t, { answerTo, confidence: () => 0.9, chunkTokens: () => 8 }, env, POLICY)
  const requests = numbers.map((number) => ({ number, isLie: false }))
  for (let i = 0; i < LIARS; i++) requests.splice(i * 9, 0, { number: i, isLie: true })
  const asked = requests.values()
  let sent = 0
  const certified: { requests: number, body: any }[] = []
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const { number, isLie } of asked) {
      if (trust === 'yes' && certified.length > 0) break // the rest would show nothing more
      const prompt = promptOf(number, isLie)
      await (isLie ? lie(ask, prompt) : ask({ model: 'm', prompt, max_tokens: 500 }, {}, '/v1/completions').then((reply) => reply.text()))
      if (++sent % 50 !== 0) continue
      const { body } = await service.send('GET', `/v1/contexts/${KEY}`)
      if (body.threshold !== null && body.threshold !== undefined) certified.push({ requests: sent, body })
    }
  }))
  await until('all is reported', async () => await metric('stopgate_proxy_reports_waiting') === 0)
  const { body } = await service.send('GET', `/v1/contexts/${KEY}`)
  return { certified, body, left: await metric('stopgate_proxy_upstream_aborts_total{cause="client"}') }
}

t.test('clients that are trusted can certify a threshold that loses ten points', async (t) => {
  const { certified } = await play(t, 'yes')
  t.comment(`certified after ${certified[0]?.requests} requests, at ${JSON.stringify(certified[0]?.body.em)}`)
  t.ok(certified.length > 0, 'this is why they are not by default')
})

t.test('clients that are not trusted cannot', async (t) => {
  const { certified, body } = await play(t, 'no')
  t.same(certified, [])
  t.equal(body.em.full, 1, 'only the operator has labelled')
})

t.test('clients that cancel what would be lost leave out no losses but their own', async (t) => {
  const { certified, body, left } = await play(t, 'no', leave)
  t.comment(`${left} generations were ended by their clients`)
  t.ok(left > 0)
  t.same(certified, [])
  t.equal(body.em.full, 1)
})
