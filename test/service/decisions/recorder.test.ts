import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { decideStep, type Step } from '../../../src/core/decide/decide.js'
import type { Snapshot } from '../../../src/core/decide/snapshot.js'
import { answerDigest } from '../../../src/core/outcome/exact-match.js'
import { clampConfidence } from '../../../src/core/outcome/outcome.js'
import type { RecordedFields, RecordedStep } from '../../../src/core/step-records/recorded-steps.js'
import { type RecordedExtras, createRecorder, StepBuffer } from '../../../src/service/decisions/recorder.js'
import { createMetrics } from '../../../src/service/metrics/metrics.js'
import { type StepBatch, stepIn } from '../../../src/store/step-record-store.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { snapshotOf } from '../../core/decide/snapshot-of.js'
import { until } from '../../helper.js'
import { holds } from '../../property.js'
import { recordsIn } from '../../store/fixtures.js'

const CONTEXT = { model: 'q', task: 'x' }

/** A store that keeps the steps that it is given, or fails when told to. */
function memoryStore () {
  const records = new Map<string, RecordedStep[]>()
  const calls: number[] = []
  const forgotten: string[] = []
  let failure: Error | null = null
  return {
    records,
    calls,
    forgotten,
    fail (error: Error | null) { failure = error },
    async append (batch: StepBatch): Promise<number> {
      if (failure !== null) throw failure
      let kept = 0
      for (const [id, some] of recordsIn(batch)) { records.set(id, [...records.get(id) ?? [], ...some]); kept += some.length }
      calls.push(kept)
      return kept
    },
    async forget (ids: readonly string[]) { if (failure !== null) throw failure; forgotten.push(...ids) },
  }
}

function recorderOn (t: Test, snapshot: Snapshot = snapshotOf({ 'model=q,task=x': {} })) {
  const store = memoryStore()
  const metrics = createMetrics()
  const snapshotHolder = { snapshot: () => snapshot }
  const recorder = createRecorder({ stepRecords: store, snapshotHolder, metrics, log: pino({ level: 'silent' }) })
  t.teardown(() => recorder.close())
  const take = (step: Partial<Step>) => {
    const whole: Step = { generation_id: 'g', arm: 'control', tokens: 32, confidence: 0.5, context: CONTEXT, ...step }
    recorder.recordDecided(whole, decideStep(snapshot, 'fresh', whole))
  }
  const counted = async (result: string) => Number(new RegExp(`stopgate_recorded_steps_total{result="${result}"} (\\d+)`).exec(await metrics.render())![1])
  return { store, recorder, take, counted }
}

t.test('steps of control generations are recorded without the text of answers', async (t) => {
  const { store, recorder, take, counted } = recorderOn(t)
  take({ tokens: 32, confidence: 1.0000005 })
  take({ tokens: 64, answer: 'SECRET', em: 0, signals: { x: 1 } })
  take({ generation_id: 'h', confidence: null, em: 1 })
  take({ generation_id: 'h', answer: 'secret ', probed_score: 0.5 })
  t.equal(store.records.size, 0, 'steps are not written at once')
  await recorder.flush()
  const digest = answerDigest('salt', 'SECRET')
  t.strictSame([...store.records], [
    ['g', [{ tokens: 32, confidence: 1 }, { tokens: 64, confidence: 0.5, em: 0, answer_digest: digest, signals: { x: 1 } }]],
    ['h', [{ tokens: 32, confidence: null, em: 1 }, { tokens: 32, confidence: 0.5, answer_digest: digest }]],
  ])
  t.notMatch(JSON.stringify([...store.records]), 'SECRET')
  t.equal(await counted('stored'), 4)
  await recorder.flush()
  t.equal(await counted('stored'), 4, 'once')
})

t.test('steps that are not evidence are not recorded', async (t) => {
  const { store, recorder, take } = recorderOn(t, snapshotOf({
    'model=q,task=x': {}, 'model=q,task=off': { policy: { mode: 'off' } }, 'model=q,task=kept': { policy: { record_steps: false } }, 'model=q,task=shadow': { policy: { mode: 'shadow' } },
  }))
  take({ generation_id: 'treated', arm: 'treated' })
  const nameless = { arm: 'control', tokens: 32, confidence: 0.5, context: CONTEXT } as const
  recorder.recordDecided(nameless, decideStep(snapshotOf({}), 'fresh', nameless))
  take({ generation_id: 'off', context: { model: 'q', task: 'off' } })
  take({ generation_id: 'kept by the worker', context: { model: 'q', task: 'kept' } })
  take({ generation_id: 'shadow', context: { model: 'q', task: 'shadow' } })
  await recorder.flush()
  t.same([...store.records.keys()], ['shadow'])
})

t.test('steps are stored periodically, in several calls if there are many', async (t) => {
  const { store, take, recorder } = recorderOn(t)
  for (let i = 0; i < 20_000; i++) take({ tokens: i })
  await until('they are stored', () => store.records.get('g')?.length === 20_000)
  t.ok(Math.max(...store.calls) <= 16_384)
  t.same(store.records.get('g')!.map(({ tokens }) => tokens), Array.from({ length: 20_000 }, (_, i) => i))
  take({ generation_id: 'last' })
  await recorder.close()
  t.ok(store.records.has('last'), 'close writes the remaining steps')
})

t.test('a flush includes all steps recorded before the call, even during another flush', async (t) => {
  const { store, take, recorder } = recorderOn(t)
  take({ tokens: 1 })
  const first = recorder.flush()
  await Promise.resolve() // the write has begun
  take({ tokens: 2 })
  await recorder.flush()
  t.equal(store.records.get('g')!.length, 2)
  await first
})

t.test('steps wait up to a limit while the store is down, and further ones are dropped and counted', async (t) => {
  const { store, take, recorder, counted } = recorderOn(t)
  store.fail(new StoreUnavailableError('gone'))
  for (let i = 0; i < 30_000; i++) take({ tokens: i })
  await t.rejects(recorder.flush(), StoreUnavailableError)
  for (let i = 30_000; i < 50_007; i++) take({ tokens: i })
  await t.rejects(recorder.flush(), StoreUnavailableError)
  await until('drops are counted', async () => await counted('dropped') === 7)
  store.fail(null)
  await recorder.flush()
  t.same(store.records.get('g')!.map(({ tokens }) => tokens), Array.from({ length: 50_000 }, (_, i) => i), 'steps keep their order')
  take({ tokens: 1 })
  await recorder.flush()
  t.equal(await counted('stored'), 50_001, 'the buffer has room again')
  t.equal(await counted('dropped'), 7)
})

t.test('waiting steps are not processed again at each attempt', async (t) => {
  const { store, recorder } = recorderOn(t)
  let looks = 0
  const step: Step = { get generation_id () { looks++; return 'g' }, arm: 'control', tokens: 32, confidence: 0.5, context: CONTEXT }
  recorder.recordDecided(step, { decision: { arm: 'control', reason: 'no_threshold' }, rule: { recordSteps: true } })
  store.fail(new StoreUnavailableError('gone'))
  await t.rejects(recorder.flush(), StoreUnavailableError)
  const before = looks
  await t.rejects(recorder.flush(), StoreUnavailableError)
  t.equal(looks, before)
  store.fail(null)
  await recorder.flush()
  t.same(store.records.get('g'), [{ tokens: 32, confidence: 0.5 }])
})

t.test('the text of waiting answers is bounded too', async (t) => {
  const { store, take, recorder, counted } = recorderOn(t)
  store.fail(new StoreUnavailableError('gone'))
  const answer = 'x'.repeat(4096)
  for (let i = 0; i < 5000; i++) take({ tokens: i, answer })
  store.fail(null)
  await recorder.flush()
  t.equal(store.records.get('g')!.length, 4097, '16 Mi characters, and the step that passes them')
  await until('drops are counted', async () => await counted('dropped') === 903)
  take({ tokens: 1, answer })
  await recorder.flush()
  t.equal(store.records.get('g')!.length, 4098)
})

t.test('steps that the store rejects are dropped without affecting later ones', async (t) => {
  const { store, take, recorder, counted } = recorderOn(t)
  store.fail(new Error('a defect'))
  take({})
  await recorder.flush()
  store.fail(null)
  take({ generation_id: 'next' })
  await recorder.flush()
  t.same([...store.records.keys()], ['next'])
  await until('it is counted', async () => await counted('dropped') === 1)
})

t.test('steps wait until the store has been reached', async (t) => {
  let salt: string | null = null
  const store = memoryStore()
  const snapshot = () => snapshotOf({}, ['model', 'task'], salt)
  const recorder = createRecorder({ stepRecords: store, snapshotHolder: { snapshot }, metrics: createMetrics(), log: pino({ level: 'silent' }) })
  t.teardown(() => recorder.close())
  const step = { generation_id: 'g', arm: 'control', tokens: 1, confidence: 1, answer: 'x' } as const
  recorder.recordDecided(step, decideStep(snapshot(), 'too_old', step))
  await recorder.flush()
  t.equal(store.records.size, 0)
  salt = 'salt'
  await recorder.flush()
  t.equal(store.records.get('g')!.length, 1)
})

t.test('records are deleted some flushes later or on close, even if the store is down', async (t) => {
  const { store, recorder } = recorderOn(t)
  recorder.forget(['a', 'b'])
  t.same(store.forgotten, [])
  await until('they are forgotten', () => store.forgotten.length === 2)
  store.fail(new StoreUnavailableError('gone'))
  recorder.forget(['c'])
  await recorder.close()
  t.same(store.forgotten, ['a', 'b'])
  const other = recorderOn(t)
  other.recorder.forget(['d'])
  await other.recorder.close()
  t.same(other.store.forgotten, ['d'])
})

const step: fc.Arbitrary<RecordedFields> = fc.record({
  tokens: fc.nat(),
  confidence: fc.option(fc.double({ min: -1e-6, max: 1, noNaN: true })),
  em: fc.constantFrom(0, 1),
  answer: fc.string(),
  signals: fc.dictionary(fc.string(), fc.double({ noNaN: true }), { noNullPrototype: true }),
}, { requiredKeys: ['tokens', 'confidence'], noNullPrototype: true }) as fc.Arbitrary<RecordedFields>
const plain = (tokens: number): RecordedFields => ({ tokens, confidence: null })

/** The steps of each generation in a batch. */
function read (batch: StepBatch<RecordedExtras>): Map<string, RecordedFields[]> {
  const { ids, starts, beside } = batch
  const at = (i: number): RecordedFields => ({ ...stepIn({ ...batch, beside: new Map() }, i), ...beside.get(i) })
  return new Map(ids.map((id, i) => [id, Array.from({ length: starts[i + 1]! - starts[i]! }, (_, step) => at(starts[i]! + step))]))
}

t.test('no step is lost, generations keep their order, and batches are bounded', async (t) => {
  const asked = fc.tuple(fc.integer({ min: 0, max: 2000 }), step)
  const buffer = new StepBuffer()
  holds(t, fc.property(fc.array(asked, { maxLength: 3000 }), fc.integer({ min: 0, max: 20_000 }), (some, more) => {
    buffer.clear() // a buffer is used for one batch after the other
    const all = [...some, ...Array.from({ length: more }, (_, i) => [7, plain(i)] as [number, RecordedFields])]
    const expected = new Map<string, RecordedFields[]>()
    for (const [id, one] of all) {
      buffer.push(`g${id}`, one)
      if (!expected.has(`g${id}`)) expected.set(`g${id}`, [])
      expected.get(`g${id}`)!.push({ ...one, confidence: clampConfidence(one.confidence) })
    }
    assert.equal(buffer.length, all.length)
    const batches = buffer.batches()
    for (const { ids, starts, beside } of batches) {
      assert.ok(ids.length <= 1024 && starts.length === ids.length + 1)
      const steps = starts[ids.length]! - starts[0]!
      assert.ok(steps > 0 && steps <= 16_384)
      assert.ok([...beside.keys()].every((i) => i >= starts[0]! && i < starts[ids.length]!))
    }
    const reads = batches.map(read)
    for (const [id, steps] of expected) assert.deepEqual(reads.flatMap((records) => records.get(id) ?? []), steps)
    assert.equal(reads.reduce((sum, records) => [...records.values()].reduce((sum, { length }) => sum + length, sum), 0), all.length)
  }), 20)
})

t.test('steps of a generation stay together', async (t) => {
  const buffer = new StepBuffer()
  t.same(buffer.batches(), [])
  for (let i = 0; i < 8192; i++) buffer.push(`g${i % 1024}`, plain(i))
  t.same(buffer.batches().map(({ ids, starts }) => [ids.length, starts[1]]), [[1024, 8]])
  buffer.push('one more', plain(1))
  t.same(buffer.batches().map(({ ids, starts }) => [ids.length, starts[0]]), [[1024, 0], [1, 8192]])
})
