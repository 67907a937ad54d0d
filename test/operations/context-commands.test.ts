import t from 'tap'
import { certify, KEY } from '../certify.js'
import { build } from '../helper.js'
import { readConfig } from '../../src/config/config.js'
import { UNREADABLE_POLICY } from '../../src/core/policy/policy.js'
import { createContextCommands } from '../../src/operations/context-commands.js'

const OPS = { by: 'ops' }
const CONFIG = readConfig({})

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
    await built.contextCommands.setPolicy(KEY, { mode }, OPS)
    t.equal(built.service.decideStep({ arm: 'treated', tokens: 32, confidence: 1, context: { model: 'q', task: 'gsm8k' } }).decision.reason,
      { off: 'off', shadow: 'shadow', enforce: 'score_at_threshold' }[mode])
  }
})

t.test('concurrent policies are validated together', async (t) => {
  const { contextCommands: commands } = await build(t)
  const puts = await Promise.allSettled([commands.setPolicy('*', { evidence_window: 900 }, OPS), commands.setPolicy('model=q', { max_em_drop: 0.015 }, OPS)])
  t.equal(puts.filter(({ status }) => status === 'fulfilled').length, 1, 'each is valid alone, both together are not')
})

t.test('concurrent patches are all kept, also across replicas', async (t) => {
  const { store, service } = await build(t)
  const replicas = [1, 2].map(() => createContextCommands(store, service, CONFIG))
  const patches = [{ max_em_drop: 0.03 }, { mode: 'shadow' }, { min_tokens: 9 }, { check_growth: 0.1 }] as const
  await Promise.all(patches.map((patch, i) => replicas[i % 2]!.patchPolicy('*', patch, OPS)))
  t.same((await store.policies()).get('*'), Object.assign({}, ...patches))
})

t.test('a patch that leaves nothing stated removes the policy', async (t) => {
  const { contextCommands: commands, store } = await build(t)
  await commands.patchPolicy(KEY, { mode: 'off' }, OPS)
  await commands.patchPolicy(KEY, { mode: null, label: null }, OPS)
  t.equal((await store.policies()).size, 0)
})

t.test('a damaged policy cannot be patched, since its other fields are unknown', async (t) => {
  const { store, service } = await build(t)
  Object.assign(store, { policies: async () => new Map([[KEY, UNREADABLE_POLICY]]) })
  const commands = createContextCommands(store, service, CONFIG)
  await t.rejects(commands.patchPolicy(KEY, { mode: 'enforce' }, OPS), { code: 'UNREADABLE_POLICY' })
})

t.test('a policy for a context that no outcome has named gets a warning', async (t) => {
  const built = await build(t)
  await certify(built)
  const warnings = async (key: string, policy: object | null = {}) => (await built.contextCommands.setPolicy(key, policy, OPS)).warnings
  t.strictSame(await warnings('model=typo'), ['context_unknown'])
  for (const key of [KEY, 'model=q', '*']) t.strictSame(await warnings(key), undefined)
  t.strictSame(await warnings('model=typo', null), undefined, 'removing it needs no warning')
  t.strictSame((await built.contextCommands.patchPolicy('model=typo', { mode: 'off' }, { ...OPS, dry_run: true })).warnings, ['context_unknown'])
})
