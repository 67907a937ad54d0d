import { pino } from 'pino'
import type { Test } from 'tap'
import { readConfig } from '../../src/service/config/config.js'
import { ruleFor } from '../../src/core/decide/snapshot.js'
import { startLearner } from '../../src/service/learner/learner.js'
import { loadSnapshot } from '../../src/service/snapshot/load-snapshot.js'
import { early, addPredictor, BY_SIGNAL } from '../core/learn/predictor-fold.js'
import { FIRST, LEAF, memoryFold, type MemoryFold } from '../core/learn/memory-fold.js'
import type { ContextState } from '../../src/core/learn/context-state.js'
import { enrolledEntries } from '../enrolled-entries.js'
import { until } from '../helper.js'
import type { Store } from '../../src/store/store.js'
import type { Law } from './contract.js'
import { commitOf, contentOf, idsOf, outcome, pinEntry, pinOf, predictorEntry, sampleOf, state, traceOf, versionOf } from './fixtures.js'
import { LeaseLostError } from '../../src/store/store-errors.js'
import { atTestCadence, AT_TEST_CADENCE } from '../test-cadence.js'

const SCORED = { follow_up_seconds: 1, evidence_span_seconds: 0, score: 'p' } as const
const added = (predictor: typeof BY_SIGNAL, time: number) => predictorEntry('p', { predictor, created_at: time, by: 'ops', retired_at: null })

/** Learns generations whose answers a predictor kept, then lets the learner fall behind. */
async function learnedOf (store: Store, generations: number, predictor = BY_SIGNAL) {
  const fold = memoryFold(SCORED)
  const now = Date.now()
  addPredictor(fold, predictor, now)
  fold.learn(early(), now, generations)
  await store.append([added(predictor, 1)])
  const [entry] = await store.read('0-0', 1, 0)
  const token = (await store.acquireLease('a', 60_000))!
  await store.commit(commitOf(token, { to: entry!.cursor, contexts: fold.states, ledger: fold.ledger, decisive: [...fold.states.keys()] }))
  await store.releaseLease(token)
  return fold
}

/** The entries of one more generation. */
const lastOne = (fold: MemoryFold) => enrolledEntries([early({ generation_id: 'last' })], LEAF, fold.state().epoch.name)

/** Folds the whole log, as a replica does that starts now, until the context is as it should be. */
async function learnRest (t: Test, store: Store, isLearned: (state: ContextState) => boolean): Promise<void> {
  const config = readConfig({ DATA_DIR: 'none', DEFAULT_POLICY: atTestCadence(JSON.stringify(SCORED)) })
  const learner = startLearner({ store, config, log: pino({ level: 'silent' }) })
  t.teardown(() => learner.close())
  await until('all is learned', async () => (await store.revision()).lag === 0 && isLearned((await store.readContexts([LEAF])).get(LEAF)!))
  await learner.close()
}

/** Replaces the first predictor by another one of the same name with other weights. */
const PUT_ANEW = [predictorEntry('p', null), added({ ...BY_SIGNAL, contexts: { '*': { log_median: 1, weights: [9, 0, 0, 0, 0] } } }, 2)]

/** Laws 2, 3 and 6 for predictors and for the samples that they are trained on. */
export function predictorContract (law: Law): void {
  law('a predictor is written to its table and moves the version', async (t, { store, other, crash }) => {
    t.same(await store.predictors(), new Map())
    await store.append([outcome('a'), { ...predictorEntry('p', versionOf('p', 5)), reason: 'é "quoted"' }])
    t.same(await other.predictors(), new Map([['p', versionOf('p', 5)]]), 'numbers keep every bit')
    const first = await other.revision()
    t.ok(first.version > 0 && first.policyVersion === first.version)
    t.same((await other.read('0-0', 10, 0)).at(-1)!.entry, { ...predictorEntry('p', versionOf('p', 5)), reason: 'é "quoted"' }, 'the entry is stored unchanged')

    const early = versionOf('z', 1, 9)
    await other.append([predictorEntry('z', early), predictorEntry('b', versionOf('b', 5)), predictorEntry('__proto__', versionOf('__proto__', 7))])
    const names = ['z', 'b', 'p', '__proto__']
    t.same([...(await store.predictors()).keys()], names, 'predictors come in the order in which they were made')
    const again = await crash()
    t.same([...(await again.predictors()).keys()], names)
    t.same((await again.predictors()).get('z'), early)

    await again.append([predictorEntry('p', versionOf('p', 5, 8)), predictorEntry('b', null), predictorEntry('never there', null)])
    t.same((await again.predictors()).get('p')!.retired_at, 8)
    t.same([...(await again.predictors()).keys()], ['z', 'p', '__proto__'])
    t.ok((await again.revision()).policyVersion > first.policyVersion)
  })

  law('a predictor\'s name is not confused with a context key', async (t, { store }) => {
    await store.append([predictorEntry('*', versionOf('*', 1)), pinEntry('model=q', 0.5)])
    await store.append([predictorEntry('*', null)])
    t.same(await store.changedSince(0), ['model=q'])
    t.same(await store.pins(), new Map([['model=q', pinOf(0.5)]]))
  })

  law('while the learner lags, a new predictor of a forgotten name has neither evidence nor pins of the old one', async (t, { store, other }) => {
    const fold = await learnedOf(store, FIRST)
    t.not(fold.state().rule.threshold, null)
    const fingerprint = fold.ledger.predictors[0]!.fingerprint!
    await store.append([{ type: 'pin', key: 'model=z,task=x', pin: { ...pinOf(0.9), scorer: 'p', scorer_fingerprint: fingerprint }, by: 'ops', reason: 'test' }])
    const thresholdsIn = async () => {
      const { snapshot } = await loadSnapshot(other, { levels: ['model', 'task'], defaultPolicy: { ...SCORED, ...AT_TEST_CADENCE } }, null, await other.revision(), Date.now())
      return [{ model: 'q', task: 'gsm8k' }, { model: 'z', task: 'x' }].map((context) => ruleFor(snapshot, context).threshold)
    }
    t.same(await thresholdsIn(), [BY_SIGNAL.grid[29], 0.9])
    t.equal((await other.pins()).get('model=z,task=x')?.scorer_fingerprint, fingerprint)
    await store.append(PUT_ANEW)
    t.same(await thresholdsIn(), [null, null])
  })

  law('a learner that starts behind does not score with a new predictor of a forgotten name', async (t, { store }) => {
    const fold = await learnedOf(store, FIRST - 1)
    t.equal(fold.state().rule.threshold, null)
    await store.append([...lastOne(fold), ...PUT_ANEW])
    await learnRest(t, store, ({ epoch: { cause } }) => cause === 'predictor')
    const learned = (await store.readContexts([LEAF])).get(LEAF)!
    t.match(learned, { rule: { threshold: null }, epoch: { cause: 'predictor' }, evidence: { final: { generations: 0 } } })
    t.not(learned.epoch.meaning.score_fingerprint, fold.ledger.predictors[0]!.fingerprint)
  })

  law('the evidence of a predictor with any grid is kept up to its certificate', async (t, { store, other, crash }) => {
    const grid = Array.from({ length: 20 }, (_, k) => 0.99 - k / 40)
    const fold = await learnedOf(store, FIRST - 1, { ...BY_SIGNAL, grid })
    const kept = (await other.readContexts([LEAF])).get(LEAF)
    t.same(kept, fold.state())
    t.equal(kept!.evidence.final.tokens.length, 20)
    await store.append(lastOne(fold))
    await learnRest(t, store, ({ rule: { threshold } }) => threshold !== null)
    const state = (await (await crash()).readContexts([LEAF])).get(LEAF)!
    t.match(state, { rule: { index: 19, threshold: grid[19] }, evidence: { final: { generations: FIRST } } })
  })

  law('the audit trail has the action on a predictor, without the predictor', async (t, { store, other }) => {
    const [added, retired] = [predictorEntry('p', versionOf('p', 1)), { ...predictorEntry('p', versionOf('p', 1, 2)), by: 'alice', reason: 'worse' }]
    await store.append([pinEntry('p', 0.5)])
    await store.append([added, retired, pinEntry('p', 0.6)])
    await other.append([predictorEntry('p', null)])
    const rows = await other.audit(10)
    t.same(rows.map(({ command }) => command), [
      { type: 'predictor', name: 'p', action: 'forgotten', by: 'ops' },
      pinEntry('p', 0.6),
      { type: 'predictor', name: 'p', action: 'retired', by: 'alice', reason: 'worse' },
      { type: 'predictor', name: 'p', action: 'added', by: 'ops' },
      pinEntry('p', 0.5),
    ])
    t.same(rows.map(({ replaced }) => replaced), [null, pinOf(0.5), null, null, null])
    t.same(rows.map(({ version }) => version), [3, 2, 2, 2, 1], 'a call makes one version')
  })

  law('a predictor is appended with the rest of its call or not at all', async (t, { store, other }) => {
    const { policyVersion } = await store.revision()
    const calls = [predictorEntry('p', versionOf('p', 1)), pinEntry('*', 0.5), outcome('a')]
    t.same(await store.append(calls, policyVersion), ['accepted', 'accepted', 'accepted'])
    const content = await contentOf(store)
    for (const version of [null, versionOf('p', 2), versionOf('q', 2)]) {
      await t.rejects(other.append([predictorEntry(version?.predictor.name ?? 'p', version), outcome('b')], policyVersion), { name: 'ConflictError' })
    }
    const broken = { type: 'outcome', generation_id: 'broken', full: {}, toJSON () { throw new Error('cannot be encoded') } }
    await t.rejects(store.append([predictorEntry('q', versionOf('q', 2)), broken as never]), { message: 'cannot be encoded' })
    t.same(await contentOf(store), content)
    t.same(await other.append([predictorEntry('p', null)], content.revision.policyVersion), ['accepted'])
  })

  law('a predictor of a megabyte can be stored', async (t, { store, crash }) => {
    const version = versionOf('p', 1)
    const contexts = { ...version.predictor.contexts, ...Object.fromEntries(idsOf('model', 8000).map((key, i) => [key, { log_median: i / 7, weights: [1, 1 / 3, i / 3, i / 11] }])) }
    const large = { ...version, predictor: { ...version.predictor, contexts } }
    t.ok(JSON.stringify(large).length > 750_000)
    await store.append([predictorEntry('p', large)])
    t.strictSame((await (await crash()).predictors()).get('p'), large)
  })

  law('a commit writes its samples', async (t, { store, other, crash }) => {
    await store.append([outcome('a'), outcome('b')])
    const [first, second] = await store.read('0-0', 10, 0)
    const token = (await store.acquireLease('a', 60_000))!
    const byNumber = async (replica: typeof store) => (await replica.learned()).reservoir.toSorted(([a], [b]) => a - b)
    const given = [[2, sampleOf(0.2)], [10, sampleOf(0.1 + 0.2, 'model=é%2C,task=\u{1F600}')], [300, sampleOf(0.3)]] as const
    await store.commit(commitOf(token, { to: first!.cursor, contexts: new Map([['*', state(1)]]), reservoir: new Map(given) }))
    for (const replica of [store, other]) t.strictSame(await byNumber(replica), given)
    await store.commit(commitOf(token, { from: first!.cursor, to: first!.cursor }))
    t.equal((await byNumber(other)).length, 3, 'samples that the commit does not name are kept')
    const next = new Map([[2, undefined], [10, sampleOf(0.5)], [301, sampleOf(0.6)], [999, undefined]])
    await store.commit(commitOf(token, { from: first!.cursor, to: second!.cursor, reservoir: next }))
    const stands = [[10, sampleOf(0.5)], [300, sampleOf(0.3)], [301, sampleOf(0.6)]]
    t.same(await byNumber(other), stands, 'undefined deletes')
    t.same(await byNumber(await crash()), stands)
  })

  law('a refused commit writes no sample', async (t, { store, other }) => {
    const token = (await store.acquireLease('a', 60_000))!
    await store.commit(commitOf(token, { reservoir: new Map([[1, sampleOf(0.1)]]) }))
    const content = await contentOf(store)
    const reservoir = new Map([[1, undefined], [2, sampleOf(0.2)]])
    for (const refused of [{ token: token + 1 }, { from: '1-0' }]) {
      const error = await other.commit(commitOf(token, { reservoir, ...refused })).catch((error: unknown) => error)
      t.ok(error instanceof LeaseLostError)
      t.same(await contentOf(store), content)
    }
    await store.releaseLease(token)
    await t.rejects(store.commit(commitOf(token, { reservoir })), { name: 'LeaseLostError' })
    t.same(await contentOf(store), content)
  })

  law('a commit writes traces, each in the place of the one before', async (t, { store, other, crash }) => {
    const token = (await store.acquireLease('a', 60_000))!
    const key = 'model=é%2C,task=\u{1F600}'
    await store.commit(commitOf(token, { traces: new Map([['* 0', traceOf(1)], ['* 17', traceOf(2)], [`${key} 255`, traceOf(3)]]) }))
    await store.commit(commitOf(token, { traces: new Map([['* 17', traceOf(4)]]) }))
    await t.rejects(other.commit(commitOf(token + 1, { traces: new Map([['* 1', traceOf(5)]]) })), { name: 'LeaseLostError' })
    const contentsOf = async (replica: typeof store) => Promise.all(['*', key, 'model=q'].map((one) => replica.readTraces(one)))
    const stands = [[traceOf(1), traceOf(4)], [traceOf(3)], []]
    t.strictSame([await contentsOf(store), await contentsOf(other)], [stands, stands])
    t.strictSame(await contentsOf(await crash()), stands)
  })

  law('a commit that removes a context removes its traces, and no others', async (t, { store }) => {
    const token = (await store.acquireLease('a', 60_000))!
    const names = ['model=q 0', 'model=q 255', 'model=q2 0', 'model=q,task=a 0']
    await store.commit(commitOf(token, { traces: new Map(names.map((name, i) => [name, traceOf(i)])) }))
    await store.commit(commitOf(token, { contexts: new Map([['model=q', undefined]]) }))
    const left = await Promise.all(['model=q', 'model=q2', 'model=q,task=a'].map((key) => store.readTraces(key)))
    t.strictSame(left, [[], [traceOf(2)], [traceOf(3)]])
  })

  law('one commit can replace all samples', async (t, { store, other }) => {
    const token = (await store.acquireLease('a', 60_000))!
    const samples = (from: number) => Array.from({ length: 10_000 }, (_, i) => [from + i, sampleOf(i / 10_000)] as const)
    await store.commit(commitOf(token, { reservoir: new Map(samples(0)) }))
    const gone = samples(0).map(([number]) => [number, undefined] as const)
    await store.commit(commitOf(token, { reservoir: new Map([...gone, ...samples(10_000)]) }))
    const { reservoir } = await other.learned()
    t.same(reservoir.map(([number]) => number).toSorted((a, b) => a - b), samples(10_000).map(([number]) => number))
  })
}
