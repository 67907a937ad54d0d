import t from 'tap'
import { certify, KEY } from '../certify.js'
import { build } from '../helper.js'

const OPS = { by: 'ops' }

t.test('a policy is checked in every context below before it is stored', async (t) => {
  const { contextCommands: commands } = await build(t)
  await commands.setPolicy(KEY, { max_em_drop: 0.001, evidence_window: 100_000 }, OPS)
  await t.rejects(commands.setPolicy('model=q', { error_level: 1e-6, evidence_window: 2000 }, OPS), { code: 'INVALID_POLICY', message: /in context model=q/ })
  await commands.setPolicy('*', { evidence_window: 50_000 }, OPS)
  await t.rejects(commands.setPolicy(KEY, { max_em_drop: 0.001, evidence_window: 900 }, OPS), { code: 'INVALID_POLICY' })
  t.same((await commands.policy(KEY)).policy, { max_em_drop: 0.001, evidence_window: 100_000 })
})

t.test('a policy is in force here when the call returns', async (t) => {
  const built = await build(t)
  await certify(built)
  for (const mode of ['off', 'shadow', 'enforce'] as const) {
    await built.contextCommands.setPolicy('*', { mode }, OPS)
    t.equal(built.service.decide({ arm: 'treated', tokens: 32, confidence: 1, context: { model: 'q', task: 'gsm8k' } }).reason,
      { off: 'off', shadow: 'shadow', enforce: 'score_at_threshold' }[mode])
  }
})

t.test('concurrent policies are validated together', async (t) => {
  const { contextCommands: commands } = await build(t)
  const puts = await Promise.allSettled([commands.setPolicy('*', { evidence_window: 900 }, OPS), commands.setPolicy('model=q', { max_em_drop: 0.015 }, OPS)])
  t.equal(puts.filter(({ status }) => status === 'fulfilled').length, 1, 'each is valid alone, both together are not')
})
