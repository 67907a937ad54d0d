import t from 'tap'
import { snapshotOfBundle } from '../../src/core/decide/bundle.js'
import { ruleFor } from '../../src/core/decide/snapshot.js'
import { CONTEXT, KEY } from '../certify.js'
import { build, until } from '../helper.js'
import { quickPolicy } from '../quick-policy.js'

const AUTO = { DEFAULT_POLICY: quickPolicy({ check_every_tokens: 'auto', check_growth: 0.25, control_rate: 1 }) }
const TOKENS = 400
const PROBE = 4

t.test('over HTTP: checks become eight times the tokens of a probe apart, and nothing else begins again', async (t) => {
  const { send } = await build(t, AUTO)

  /** A control generation that asks when the last reply told it to. @returns when it asked */
  async function work (id: string): Promise<number[]> {
    const steps: object[] = []
    const asked: number[] = []
    for (let due = 16; due <= TOKENS;) {
      const step = { tokens: due, confidence: 0.1 }
      const { body } = await send('POST', '/v1/decisions', { generation_id: id, context: CONTEXT, ...step, ...(asked.length > 0 && { arm: 'control' }) })
      steps.push({ ...step, em: 0, probe_tokens: PROBE })
      asked.push(due)
      due = body.next_check_tokens
    }
    await send('POST', '/v1/outcomes', { generation_id: id, context: CONTEXT, arm: 'control', tokens: TOKENS, em: 1, samples: 1, stopped: false, steps })
    return asked
  }

  t.same(await work('first'), [16, 32, 48, 64, 80, 112, 144, 192, 240, 304, 384])
  const distance = async () => (await send('GET', `/v1/contexts/${KEY}`)).body.generations?.check_every_tokens
  await until('the context is there', async () => await distance() === 16)
  for (let i = 1; i < 4; i++) await work(`control-${i}`)
  await until('the cost of probes is known', async () => await distance() === 8 * PROBE)
  await until('the rule is in force', async () =>
    ruleFor(snapshotOfBundle((await send('GET', '/v1/bundle')).body), CONTEXT).checkEveryTokens === 8 * PROBE)
  t.same(await work('later'), [16, 32, 64, 96, 128, 160, 224, 288, 384])
  t.match((await send('GET', `/v1/contexts/${KEY}`)).body, { epoch: 1, warnings: [] })
  t.match((await send('GET', `/v1/contexts/${KEY}/policy`)).body.effective, { check_every_tokens: 'auto', check_growth: 0.25, control_rate: 1 })
  const { body: whatIf } = await send('GET', `/v1/contexts/${KEY}/what-if?check_every_tokens=64`)
  const compared = { recorded: { check_every_tokens: 32 }, asked: { check_every_tokens: 64 } }
  t.match(whatIf, { check_every_tokens: 64, check_growth: 0.25, cadence: compared })
})
