import { setImmediate } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { ContextCounts } from '../../../src/core/learn/context-counts.js'
import { Cohorts } from '../../../src/core/evidence/cohorts.js'
import type { FitResult } from '../../../src/core/scores/fit-predictor.js'
import { Reservoir } from '../../../src/core/scores/reservoir.js'
import type { Sample } from '../../../src/core/scores/sample.js'
import { newLedger } from '../../../src/core/learn/ledger.js'
import type { LogEntry, PredictorEntry } from '../../../src/core/learn/log-entry.js'
import { PendingOutcomes } from '../../../src/core/learn/pending-outcomes.js'
import type { LearnerState } from '../../../src/service/learner/fold-entries.js'
import { createTrainer, type Fit, fitInThread, timedFit } from '../../../src/service/learner/predictor-trainer.js'
import type { Revision } from '../../../src/store/store.js'
import { PREDICTOR } from '../../core/decide/snapshot-of.js'
import { until } from '../../helper.js'
import { mulberry32 } from '../../random.js'

const log = pino({ level: 'silent' })
const random = mulberry32(5)

/** Generations that are sure early rarely lose. */
function sampleOf (i: number, label: Sample['label'] = 'exact_match'): Sample {
  const confidence = random()
  return { u: i / 1e6, leaf: 'model=q,task=x', label, tokens: 100, steps: [{ tokens: 20 + i % 50, confidence, lost: random() < 0.4 * (1 - confidence) ? 1 : 0 }] }
}

function memoryWith (samples: readonly Sample[]): LearnerState {
  const configuration = { levels: ['model', 'task'], defaults: {}, max_contexts: 100 }
  const reservoir = new Reservoir()
  for (const sample of samples) reservoir.add(sample)
  return { cursor: '0-0', ledger: newLedger(configuration), contexts: new Map(), pending: new PendingOutcomes(), cohorts: new Cohorts(), counts: new ContextCounts(), reservoir, predictors: new Map() }
}

function storeOf (predictors: Record<string, { by: string, retired_at: number | null }> = {}) {
  const appended: LogEntry[] = []
  const versions = new Map(Object.entries(predictors).map(([name, rest]) => (
    [name, { predictor: { ...PREDICTOR, name }, created_at: 0, ...rest }])))
  const revision = async () => ({ policyVersion: 7 }) as Revision
  return { appended, revision, predictors: async () => versions, append: async (entries: readonly LogEntry[]) => { appended.push(...entries); return entries.map(() => 'accepted' as const) } }
}

const samples = (count: number, label?: Sample['label']) => Array.from({ length: count }, (_, i) => sampleOf(i, label))

t.test('a predictor is fitted in a worker thread and appended to the log', async (t) => {
  const store = storeOf()
  const trainer = createTrainer({ store, log })
  trainer.consider(memoryWith(samples(299)))
  trainer.consider(memoryWith(samples(300)))
  trainer.consider(memoryWith(samples(400)))
  await until('it is trained', () => store.appended.length > 0)
  await trainer.close()
  t.equal(store.appended.length, 1, 'one fit at a time')
  t.match(store.appended, [{ type: 'predictor', name: 'auto-300', by: 'trainer', version: { by: 'trainer', retired_at: null, predictor: { name: 'auto-300', label: 'exact_match', levels: 'model,task' } } }])
  const { predictor } = (store.appended[0] as PredictorEntry).version!
  t.equal(predictor.trained.groups.length, 300)
  t.equal(predictor.grid.length, 30)
  t.match(predictor.held_out_savings, { 'model=q,task=x': { generations: 300, max_em_drop: 0.02 } })
})

t.test('a predictor is trained for each label with enough samples', async (t) => {
  const store = storeOf()
  const trainer = createTrainer({ store, log, fit: async ({ name, label }: Fit) => ({ ...PREDICTOR, name, label }) })
  trainer.consider(memoryWith([...samples(300), ...samples(300, 'agreement')]))
  await until('both are trained', () => store.appended.length === 2)
  t.match(store.appended, [{ name: 'auto-600' }, { name: 'auto-600-agreement' }])
  const few = storeOf()
  const other = createTrainer({ store: few, log, fit: async ({ name, label }: Fit) => ({ ...PREDICTOR, name, label }) })
  other.consider(memoryWith([...samples(300), ...samples(299, 'agreement')]))
  await until('it is trained', () => few.appended.length === 1)
  await Promise.all([trainer.close(), other.close()])
  t.match(few.appended, [{ name: 'auto-599' }])
})

t.test('a fit gets the terms of the contexts that gather the evidence, of those that count its label', async (t) => {
  const fits: Fit[] = []
  const trainer = createTrainer({ store: storeOf(), log, fit: async (fit: Fit) => { fits.push(fit); return null } })
  const leaves = ['model=q,task=x', 'model=p,task=x', 'model=p,task=y', 'model=r,task=x']
  const memory = memoryWith(samples(320).map((sample, i) => ({ ...sample, leaf: leaves[i % 4]! })))
  const policies = new Map([
    ['model=q', { max_em_drop: 0.03 }], ['model=p', { certify_at: 'model', min_tokens: 10 }], ['model=r', { label: 'agreement' as const }],
  ])
  memory.ledger = { ...memory.ledger, policies }
  trainer.consider(memory)
  await until('it is asked', () => fits.length > 0)
  await trainer.close()
  const pool = { key: 'model=p', max_em_drop: 0.02, min_tokens: 10 }
  t.strictSame(fits[0]!.terms, {
    'model=q,task=x': { key: 'model=q,task=x', max_em_drop: 0.03, min_tokens: 0 }, 'model=p,task=x': pool, 'model=p,task=y': pool,
  })
})

t.test('with too few samples or after a failed fit, training is tried again with 10 % more samples', async (t) => {
  const store = storeOf()
  const asked: number[] = []
  const answers = [async () => null, async () => { throw new Error('singular') }, async ({ name }: Fit) => ({ ...PREDICTOR, name })]
  const fit = async (fit: Fit) => await answers[asked.push(fit.samples.length) - 1]!(fit)
  const lines: Array<{ level: number, msg: string }> = []
  const trainer = createTrainer({ store, log: pino({ level: 'info' }, { write: (line) => { lines.push(JSON.parse(line)) } }), fit })
  for (const count of [300, 320, 331, 340, 370]) {
    trainer.consider(memoryWith(samples(count)))
    for (let turn = 0; turn < 5; turn++) await setImmediate()
  }
  t.same(asked, [300, 331, 370])
  await trainer.close()
  t.match(store.appended, [{ name: 'auto-370' }])
  t.match(lines, [{ level: 30, msg: /^too few samples to train a predictor/ }, { level: 50 }, { msg: 'trained', predictors: ['auto-370'] }])
})

t.test('trained predictors that no policy or pin names are retired, and beyond the limit the oldest retired ones are deleted', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 45 }, (_, i) => [`auto-${i}`, { by: 'trainer', retired_at: 5 }]))
  const live = { by: 'trainer', retired_at: null }
  const store = storeOf({ ...many, scores: live, pinned: live, idle: live, imported: { by: 'ops', retired_at: null }, gone: { by: 'ops', retired_at: 5 } })
  const trainer = createTrainer({ store, log, fit: async ({ name }: Fit) => ({ ...PREDICTOR, name }) })
  const memory = memoryWith(samples(300))
  for (const name of ['scores', 'pinned', 'idle']) memory.predictors.set(name, { ...PREDICTOR, name })
  const pin = { threshold: 0.9, scorer: 'pinned', reason: 'r', by: 'ops', expires_at: null }
  memory.ledger = { ...memory.ledger, policies: new Map([['*', { score: 'scores' }]]), pins: new Map([['*', pin]]) }
  trainer.consider(memory)
  await until('it is trained', () => store.appended.length > 0)
  await trainer.close()
  t.match(store.appended, [{ name: 'auto-0', version: null }, { name: 'idle', version: { retired_at: Number } }, { name: 'auto-300', version: { retired_at: null } }])
})

t.test('nothing is trained before the last predictor is folded', async (t) => {
  const store = storeOf({ 'auto-300': { by: 'trainer', retired_at: null }, brought: { by: 'ops', retired_at: null } })
  let fits = 0
  const trainer = createTrainer({ store, log, fit: async ({ name }: Fit) => { fits++; return { ...PREDICTOR, name } } })
  const memory = memoryWith(samples(310))
  for (let look = 0; look < 3; look++) {
    trainer.consider(memory)
    for (let turn = 0; turn < 5; turn++) await setImmediate()
  }
  t.same([fits, store.appended], [0, []])
  memory.predictors.set('auto-300', { ...PREDICTOR, name: 'auto-300' }) // train_at moves with it; here it is due again at once
  trainer.consider(memory)
  await until('it is trained', () => store.appended.length > 0)
  await trainer.close()
  t.match([fits, store.appended.at(-1)], [1, { name: 'auto-310' }])
})

const live = { by: 'ops', retired_at: null }
const many = (count: number, rest: { by: string, retired_at: number | null }) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, rest]))

t.test('nothing is trained if the limit is reached and no predictor is retired', async (t) => {
  let fits = 0
  const fit = async ({ name }: Fit) => { fits++; return { ...PREDICTOR, name } }
  const full = storeOf(many(50, live))
  const warnings: unknown[] = []
  const heard = { warn (text: unknown) { warnings.push(text) } } as unknown as typeof log
  const trainer = createTrainer({ store: full, log: heard, fit })
  trainer.consider(memoryWith(samples(300)))
  await until('it says so', () => warnings.length > 0)
  await trainer.close()
  t.same([fits, full.appended, warnings.length], [0, [], 1])

  const store = storeOf({ ...many(49, live), gone: { by: 'ops', retired_at: 5 } })
  const other = createTrainer({ store, log, fit })
  other.consider(memoryWith(samples(300)))
  await until('it is trained', () => store.appended.length > 0)
  await other.close()
  t.match(store.appended, [{ name: 'gone', version: null }, { name: 'auto-300' }])
})

t.test('an import during a fit may take the last free place', async (t) => {
  const store = storeOf(many(49, live))
  const versions = await store.predictors()
  let isFitted = false
  const fit = async ({ name }: Fit) => {
    versions.set('brought', { ...versions.get('p0')!, predictor: { ...PREDICTOR, name: 'brought' } })
    isFitted = true
    return { ...PREDICTOR, name }
  }
  const trainer = createTrainer({ store, log, fit })
  trainer.consider(memoryWith(samples(300)))
  await until('it is fitted', () => isFitted)
  await trainer.close()
  t.same(store.appended, [])
})

t.test('closing aborts a running fit', async (t) => {
  const store = storeOf()
  const trainer = createTrainer({ store, log, fit: fitInThread })
  trainer.consider(memoryWith(samples(5000)))
  await trainer.close()
  t.same(store.appended, [])
})

const WHAT: Fit = { samples: [], name: 'p', label: 'exact_match', levels: 'model,task', terms: {} }

t.test('the result of a fit is passed on, and its end is reported', async (t) => {
  const ends: FitResult[] = []
  const { signal } = new AbortController()
  const watched = (fit: () => Promise<typeof PREDICTOR | null>) => timedFit(fit, (end) => { ends.push(end) })(WHAT, signal)
  t.equal(await watched(async () => PREDICTOR), PREDICTOR)
  t.equal(await watched(async () => null), null)
  await t.rejects(watched(async () => { throw new Error('out of memory') }), { message: 'out of memory' })
  t.strictSame(ends.map(({ result }) => result), ['trained', 'none', 'failed'])
  t.ok(ends.every(({ seconds }) => seconds >= 0 && seconds < 60))
})

t.test('a fit aborted on closing does not count as failed', async (t) => {
  const closing = new AbortController()
  const dropped = timedFit(async () => { closing.abort(); throw new Error('ended') }, () => { t.fail('told') })
  await t.rejects(dropped(WHAT, closing.signal))
})
