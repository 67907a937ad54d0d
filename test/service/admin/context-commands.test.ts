import t from 'tap'
import { ROOT } from '../../../src/core/policy/context.js'
import { type PolicyPatch, UNREADABLE_POLICY } from '../../../src/core/policy/policy.js'
import { checkedPolicies, checkRoom, createContextCommands, pinReach } from '../../../src/service/admin/context-commands.js'
import { readConfig } from '../../../src/service/config/config.js'
import { certify, KEY } from '../../certify.js'
import { build } from '../../helper.js'

const config = readConfig({ MAX_CONTEXTS: '2' })

t.test('a policy is checked where it is stated and in all contexts below', async (t) => {
  const stated = new Map<string, PolicyPatch>([['model=q', { min_tokens: 9 }]])
  const next = checkedPolicies(config, stated, '*', { max_em_drop: 0.03 })
  t.same([next.get('*'), next.get('model=q')], [{ max_em_drop: 0.03 }, stated.get('model=q')])
  t.equal(stated.size, 1, 'the map it was given stays as it is')
  t.throws(() => checkedPolicies(config, stated, '*', { certify_at: 'tenant' }), {
    code: 'INVALID_POLICY', message: /certify_at must be a context level \(CONTEXT_LEVELS\)/,
  })
  t.equal(checkedPolicies(config, stated, 'model=q', null).get('model=q'), undefined)
})

t.test('a policy that would make a context differ from its pool is refused, whichever of the two it is stated for', async (t) => {
  const stated = new Map<string, PolicyPatch>([['model=q,task=a', { max_em_drop: 0.01 }]])
  const message = 'in context model=q,task=a, max_em_drop must be 0.02, as in its pool model=q: state it there, or name the last level in certify_at here'
  t.throws(() => checkedPolicies(config, stated, '*', { certify_at: 'model' }), { code: 'INVALID_POLICY', message })
  t.doesNotThrow(() => checkedPolicies(config, stated, '*', { certify_at: 'model', max_em_drop: 0.01 }))
})

const isStop = ({ mode }: PolicyPatch) => mode === 'off'
const OFF: PolicyPatch = { mode: 'off' }
const room = (prefix: string | null, next: PolicyPatch = {}) => ({ prefix, next, isStop })

t.test('there may be as many policies as contexts, and what stops less always finds room', async (t) => {
  const two = new Map<string, PolicyPatch>([['model=a', {}], ['model=b', {}]])
  t.throws(() => checkRoom(config, two, 'model=c', room(null)), { code: 'TOO_MANY' })
  for (const [key, next] of [['model=a', {}], ['*', {}], ['model=c', OFF]] as const) {
    t.doesNotThrow(() => checkRoom(config, two, key, room(null, next)))
  }
  two.set('model=c', OFF)
  t.throws(() => checkRoom(config, two, 'model=c', room(null)), { code: 'TOO_MANY' }, 'mode off must not become a way in for other policies')
})

t.test('a token that is bound to a prefix has a share of the policies', async (t) => {
  const twelve = readConfig({ MAX_CONTEXTS: '12' })
  const within = (count: number, policy: PolicyPatch = {}) => new Map(Array.from({ length: count }, (_, i) => [`model=a,task=${i}`, policy]))
  t.doesNotThrow(() => checkRoom(twelve, within(2), 'model=a,task=x', room('model=a')))
  t.throws(() => checkRoom(twelve, within(3), 'model=a,task=x', room('model=a')), { code: 'TOO_MANY_IN_PREFIX', message: /3 policies or pins within model=a/ })
  t.doesNotThrow(() => checkRoom(twelve, within(3), 'model=b,task=x', room('model=b')), 'another tenant has its own share')
  t.doesNotThrow(() => checkRoom(twelve, within(3), 'model=a', room('model=a')), 'and its own root')
  t.doesNotThrow(() => checkRoom(twelve, within(11, OFF), 'model=a,task=x', room('model=a', OFF)))
  t.throws(() => checkRoom(twelve, within(12, OFF), 'model=a,task=x', room('model=a', OFF)), { code: 'TOO_MANY_IN_PREFIX' })
  const mixed = new Map([...within(12, OFF), ['model=a,task=0', {}], ['model=a,task=1', {}], ['model=a,task=2', {}]] as const)
  t.throws(() => checkRoom(twelve, mixed, 'model=a,task=3', room('model=a')), { code: 'TOO_MANY_IN_PREFIX' }, 'what was let in as mode off has no place')
  t.doesNotThrow(() => checkRoom(twelve, within(12, OFF), 'model=b,task=x', room('model=b')), 'modes off take no room from others')
})

const OPS = { by: 'ops', prefix: null, create: true }
const CONFIG = readConfig({})

t.test('the policies and the pins that a bound token sets each have their share', async (t) => {
  const { contextCommands: commands } = await build(t, { MAX_CONTEXTS: '12' })
  const bound = { ...OPS, prefix: 'model=a', reason: 'test' }
  const set = async (task: number) => {
    await commands.setPolicy(`model=a,task=${task}`, { min_tokens: 9 }, bound)
    await commands.setPin(`model=a,task=${task}`, { threshold: 0.9 }, bound)
  }
  for (const task of [0, 1, 2]) await set(task)
  await t.rejects(commands.setPolicy('model=a,task=3', { min_tokens: 9 }, bound), { code: 'TOO_MANY_IN_PREFIX' })
  await t.rejects(commands.setPin('model=a,task=3', { threshold: 0.9 }, bound), { code: 'TOO_MANY_IN_PREFIX' })
})

t.test('a policy is checked in every context below before it is stored', async (t) => {
  const { contextCommands: commands } = await build(t)
  await commands.setPolicy(KEY, { min_tokens: 9 }, OPS)
  await t.rejects(commands.setPolicy('model=q', { certify_at: 'model' }, OPS), { code: 'INVALID_POLICY', message: new RegExp(`in context ${KEY}`) })
  await commands.setPolicy('model=q', { min_tokens: 9, certify_at: 'model' }, OPS)
  await t.rejects(commands.setPolicy(KEY, { min_tokens: 8 }, OPS), { code: 'INVALID_POLICY' })
  t.same((await commands.policy(KEY)).policy, { min_tokens: 9 })
})

t.test('a policy is in force here when the call returns', async (t) => {
  const built = await build(t)
  await certify(built)
  for (const mode of ['off', 'shadow', 'enforce'] as const) {
    await built.contextCommands.setPolicy(KEY, { mode }, OPS)
    t.equal(built.snapshotHolder.decideStep({ arm: 'treated', tokens: 32, confidence: 1, context: { model: 'q', task: 'gsm8k' } }).decision.reason,
      { off: 'off', shadow: 'shadow', enforce: 'score_at_threshold' }[mode])
  }
})

t.test('a policy or pin is set without reading those of other contexts', async (t) => {
  const { store, contextCommands: commands } = await build(t)
  await commands.setPolicy('model=q', { min_tokens: 3 }, OPS)
  const { policies, pins, contextKeys } = store
  const reads: string[] = []
  Object.assign(store, {
    policies: async (keys?: string[]) => { reads.push(`policies ${keys}`); return await policies.call(store, keys) },
    pins: async (keys?: string[]) => { reads.push(`pins ${keys}`); return await pins.call(store, keys) },
    contextKeys: async () => { reads.push('contexts'); return await contextKeys.call(store) },
  })
  await commands.setPolicy(KEY, { min_tokens: 9 }, OPS)
  await commands.setPolicy(KEY, null, OPS)
  await commands.setPin(KEY, { threshold: 0.9 }, { ...OPS, reason: 'r' })
  t.same([...new Set(reads)].sort(), [`pins ${KEY}`, `policies ${KEY}`])
})

t.test('concurrent policies are validated together', async (t) => {
  const { contextCommands: commands } = await build(t)
  const puts = await Promise.allSettled([commands.setPolicy('*', { certify_at: 'model' }, OPS), commands.setPolicy(KEY, { min_tokens: 9 }, OPS)])
  t.equal(puts.filter(({ status }) => status === 'fulfilled').length, 1, 'each is valid alone, both together are not')
})

t.test('concurrent patches are all kept, also across replicas', async (t) => {
  const { store, snapshotHolder } = await build(t)
  const replicas = [1, 2].map(() => createContextCommands(store, snapshotHolder, CONFIG))
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
  const { store, snapshotHolder } = await build(t)
  const loaded = () => {
    const { inputs, ...rest } = snapshotHolder.loaded()
    return { ...rest, inputs: { ...inputs, policies: new Map([[KEY, UNREADABLE_POLICY]]) } }
  }
  const commands = createContextCommands(store, { ...snapshotHolder, loaded }, CONFIG)
  await t.rejects(commands.patchPolicy(KEY, { mode: 'enforce' }, OPS), { code: 'UNREADABLE_POLICY' })
})

t.test('a damaged policy of the root cannot be switched on again, since its former mode is unknown', async (t) => {
  const { store, snapshotHolder } = await build(t)
  Object.assign(store, { policies: async () => new Map([[ROOT, UNREADABLE_POLICY]]) })
  const commands = createContextCommands(store, snapshotHolder, CONFIG)
  await commands.pause(true, { by: 'ops' }) // it reads as mode off
  await t.rejects(commands.pause(false, { by: 'ops' }), { code: 'UNREADABLE_POLICY' })
  t.equal((await store.audit(1)).length, 0)
})

t.test('a policy or pin of an unknown context is refused with the nearest known keys, unless it is to be created', async (t) => {
  const built = await build(t)
  await certify(built)
  const { contextCommands: commands, store } = built
  const strict = { by: 'ops', prefix: null }
  const refused = { code: 'CONTEXT_NOT_FOUND', statusCode: 404, details: [{ path: '/key' }], message: /\(nearest known: model=q,task=gsm8k; model=q; add \?create=true/ }
  const typo = 'model=q,task=gsmk8'
  for (const dry_run of [true, false]) {
    await t.rejects(commands.setPolicy(typo, { mode: 'off' }, { ...strict, dry_run }), refused)
    await t.rejects(commands.patchPolicy(typo, { mode: 'off' }, { ...strict, dry_run }), refused)
    await t.rejects(commands.setPin(typo, { threshold: null }, { ...strict, reason: 'r', dry_run }), refused)
  }
  t.same([(await store.policies()).size, (await store.pins()).size], [0, 0])
  await t.rejects(commands.setPolicy('model=*,task=gsmk8', { mode: 'off' }, strict), { ...refused, message: /nearest known: model=\*,task=gsm8k;/ })
  for (const key of [KEY, 'model=q', '*', 'model=*,task=gsm8k']) await t.resolves(commands.setPolicy(key, {}, { ...strict, dry_run: true }), key)
  await t.resolves(commands.setPolicy(typo, null, strict), 'nothing is there to be removed')

  await commands.setPolicy('model=policy', { min_tokens: 9 }, { ...strict, create: true })
  await commands.patchPolicy('model=policy', { mode: 'off' }, strict)
  await commands.setPin('model=policy', { threshold: null }, { ...strict, reason: 'r' })
  await commands.setPolicy('model=policy', null, strict)
  await commands.setPolicy('model=policy', {}, strict) // its pin still makes it known
  await commands.removePin('model=policy', { by: 'ops', reason: 'r' })
  await commands.setPolicy('model=policy', null, strict)
  await t.rejects(commands.setPolicy('model=policy', {}, strict), { code: 'CONTEXT_NOT_FOUND' })
})

t.test('where no context is known, the refusal says so', async (t) => {
  const { contextCommands } = await build(t)
  await t.rejects(contextCommands.setPolicy('model=q', {}, { by: 'ops', prefix: null }), { message: /\(none is known yet; add/ })
})

const keys = ['*', 'model=q', 'model=q,task=a', 'model=q,task=b']
const inputs = { levels: ['model', 'task'], defaultPolicy: {}, policies: new Map(), pins: new Map(), predictors: new Map() }
const pool = { ...inputs, policies: new Map([['model=q', { certify_at: 'model' }]]) }
const pin = { threshold: 0.5, reason: 'r', by: 'ops', expires_at: null }

t.test('a pin of a leaf counts it once it has outcomes', async (t) => {
  t.strictSame(pinReach(inputs, keys, 'model=q,task=a'), { pinned_contexts: 1 })
  t.strictSame(pinReach(inputs, keys, 'model=q,task=typo'), { pinned_contexts: 0 })
})

t.test('a pin above the leaves holds for the contexts of a pool that have no pin of their own', async (t) => {
  t.strictSame(pinReach(pool, keys, 'model=q'), { pinned_contexts: 2 })
  t.strictSame(pinReach({ ...pool, pins: new Map([['model=q', pin], ['model=q,task=a', pin]]) }, keys, 'model=q'), { pinned_contexts: 1 })
})

t.test('a pin of a pool without outcomes has no warning that it has no effect', async (t) => {
  t.strictSame(pinReach(pool, ['*'], 'model=q'), { pinned_contexts: 0 })
})

t.test('a pin that holds nowhere gets a warning', async (t) => {
  for (const key of ['*', 'model=q']) t.strictSame(pinReach(inputs, keys, key), { pinned_contexts: 0, warnings: ['pin_without_effect'] })
  const own = new Map([['model=q,task=a', pin], ['model=q,task=b', pin]])
  t.strictSame(pinReach({ ...pool, pins: own }, keys, 'model=q'), { pinned_contexts: 0, warnings: ['pin_without_effect'] })
  t.strictSame(pinReach(inputs, keys, 'model=typo'), { pinned_contexts: 0, warnings: ['pin_without_effect'] })
})
