import t from 'tap'
import { uniform } from '../../../src/core/assignment/arm.js'
import type { ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import type { RecordedStep } from '../../../src/core/step-records/recorded-steps.js'
import { scopedId } from '../../../src/service/access/context-access.js'
import { joinRecords } from '../../../src/service/outcomes/join-records.js'
import { type LinkFields, snapshotOf } from '../../core/decide/snapshot-of.js'

const CONTEXT = { model: 'q', task: 'x' }
const STEP: RecordedStep = { tokens: 32, confidence: 0.9, em: 1 }

/** Joins outcomes with the records that successive reads of the store find. */
async function joinedWith (readings: Array<Record<string, RecordedStep[]>>, outcomes: Array<Partial<ReportedOutcome>>, stands: LinkFields = {}, kind: 'redis' | 'embedded' = 'redis') {
  const asked: string[][] = []
  let flushes = 0
  const store = {
    kind,
    stepRecords: {
      async read (ids: readonly string[]) {
        asked.push([...ids])
        const records = readings[asked.length - 1] ?? {}
        return new Map(ids.flatMap((id) => records[id] === undefined ? [] : [[id, records[id]] as const]))
      },
    },
  }
  const snapshotHolder = { snapshot: () => snapshotOf({ 'model=q,task=x': stands }) }
  const whole = outcomes.map((outcome) => ({ generation_id: 'g', arm: 'control', context: CONTEXT, tokens: 50, em: 1, ...outcome } as ReportedOutcome))
  const joined = await joinRecords({ store, snapshotHolder, recorder: { async flush () { flushes++ } } }, 'salt', whole)
  return { joined: joined.map(({ entry, result }) => ({ steps: entry.steps, complete: entry.steps_complete, result })), asked, flushes }
}

t.test('a complete record provides the steps of the outcome', async (t) => {
  const { joined, asked, flushes } = await joinedWith([{ g: [STEP] }], [{}])
  t.same(joined, [{ steps: [{ tokens: 32, confidence: 0.9, exact_match: 1 }], complete: true, result: 'complete' }])
  t.same(asked, [['g']], 'the store is read once')
  t.equal(flushes, 1)
})

t.test('only outcomes that may be control are looked up', async (t) => {
  const outcomes: Array<Partial<ReportedOutcome>> = [
    { generation_id: 'treated', arm: 'treated', steps: [] }, { generation_id: 'stopped', arm: undefined as never, stopped: true },
    { generation_id: 'retry', retry_of: 'g0' },
  ]
  const { joined, asked, flushes } = await joinedWith([], outcomes)
  t.same(asked, [])
  t.equal(flushes, 0)
  t.same(joined.map(({ steps, result }) => [steps, result]), [[[], undefined], [null, undefined], [null, undefined]])
  for (const policy of [{ record_steps: false }, { mode: 'off' }] as const) t.same((await joinedWith([], [{}], { policy })).asked, [])
})

t.test('an outcome that lacks a step that was recorded or counted is incomplete', async (t) => {
  const records = { whole: [STEP], lacking: [STEP, { tokens: 64, confidence: 0.9 }] }
  const steps = [{ tokens: 32, confidence: 0.9, em: 1 }] as const
  const outcomes = [
    { generation_id: 'whole', steps }, { generation_id: 'lacking', steps }, { generation_id: 'unrecorded', steps, steps_asked: 1 },
    { generation_id: 'counted', steps, steps_asked: 2 }, { generation_id: 'treated', arm: 'treated', steps, steps_asked: 2 },
  ] as const
  const { joined, asked } = await joinedWith([records], outcomes as never)
  t.same(asked, [['whole', 'lacking', 'unrecorded', 'counted']], 'nothing is waited for')
  t.same(joined.map(({ complete, result }) => [complete, result]), [[true, undefined], [false, 'lacking'], [true, undefined], [false, 'lacking'], [true, undefined]])
  t.match(await joinedWith([], [{ steps: [...steps], steps_asked: 2 }], { policy: { record_steps: false } }), { joined: [{ complete: false, result: 'lacking' }], asked: [] })
})

t.test('steps that another replica may hold are waited for once', async (t) => {
  const two = [STEP, { tokens: 64, confidence: 0.9 }] // the second step needs no probe
  const { joined, asked } = await joinedWith([
    { whole: [STEP], gap: [STEP], late: [], short: [STEP] }, { gap: two, late: [STEP], short: [STEP] },
  ], [{ generation_id: 'whole' }, { generation_id: 'gap', tokens: 80 }, { generation_id: 'late' }, { generation_id: 'short', tokens: 80 }])
  t.same(asked, [['whole', 'gap', 'late', 'short'], ['gap', 'late', 'short']])
  t.same(joined.map(({ steps, complete, result }) => [steps?.length, complete, result]),
    [[1, true, 'complete'], [2, true, 'complete'], [1, true, 'complete'], [1, false, 'incomplete']])
})

t.test('a missing probe is waited for too', async (t) => {
  const bare = { tokens: 32, confidence: 0.9 }
  const { joined, asked } = await joinedWith([{ g: [bare] }, { g: [bare, STEP] }], [{}])
  t.equal(asked.length, 2)
  t.match(joined, [{ steps: [{ tokens: 32, exact_match: 1 }], complete: true, result: 'complete' }])
})

t.test('a single replica does not wait', async (t) => {
  const { asked } = await joinedWith([], [{}], {}, 'embedded')
  t.equal(asked.length, 1)
})

t.test('without a record there are no steps, and only certain control outcomes wait', async (t) => {
  const { joined, asked } = await joinedWith([], [{ generation_id: 'a' }, { generation_id: 'b', steps_asked: 2 }])
  t.same(joined, [{ steps: null, complete: true, result: 'none' }, { steps: null, complete: true, result: 'none' }])
  t.equal(asked.length, 2)
  t.equal((await joinedWith([], [{ arm: undefined as never }])).asked.length, 1)
})

t.test('the worker\'s count decides whether a record is complete', async (t) => {
  const completeWith = async (outcome: Partial<ReportedOutcome>) => (await joinedWith([{ g: [STEP] }], [outcome], {}, 'embedded')).joined[0]!.complete
  t.equal(await completeWith({ steps_asked: 1 }), true)
  t.equal(await completeWith({ steps_asked: 1, tokens: 1000 }), true)
  t.equal(await completeWith({ steps_asked: 2 }), false)
  t.equal(await completeWith({ steps_asked: 1, steps_complete: false }), false)
  t.same((await joinedWith([], [{ steps_asked: 0 }])).joined, [{ steps: [], complete: true, result: 'complete' }], 'a generation without steps needs no record')
})

t.test('completeness uses the cadence of the leaf', async (t) => {
  const of = async (check_every_tokens: number) => (await joinedWith([{ g: [STEP] }], [{}], { policy: { check_every_tokens } }, 'embedded')).joined[0]!.result
  t.equal(await of(32), 'complete')
  t.equal(await of(16), 'incomplete')
})

t.test('ids are scoped to a tenant, but arms and groups are drawn from the ids as sent', async (t) => {
  const caller = { tokenName: 'w', tokenPrefix: 'model=q' }
  const store = { kind: 'embedded', stepRecords: { async read () { return new Map() } } } as const
  const parts = { store, snapshotHolder: { snapshot: () => snapshotOf({}) }, recorder: { async flush () {} } }
  const outcome = { generation_id: 'g', arm: 'control', context: CONTEXT, tokens: 50, em: 1, steps: [] } as const
  const joined = await joinRecords(parts, 'salt', [outcome, { ...outcome, group_id: 'prompt-1', sample_index: 0 }], caller)
  t.match(joined.map(({ entry }) => [entry.generation_id, entry.u, entry.by]), ['g', 'prompt-1'].map((drawn) => [scopedId(caller, 'g'), uniform('salt', drawn), 'w']))
})

t.test('other work gets its turn while long answers are normalised', async (t) => {
  let turns = 0
  let immediate = setImmediate(function turn () { turns++; immediate = setImmediate(turn) })
  t.teardown(() => { clearImmediate(immediate) })
  const steps = Array.from({ length: 64 }, (_, i) => ({ tokens: i + 1, confidence: 0.9, answer: `${i},`.repeat(1024) }))
  const { joined } = await joinedWith([], [{ tokens: 64, answer: '1', reference: '1', steps }])
  t.equal(joined[0]!.steps?.length, 64)
  t.ok(turns >= 8, `${turns} turns`)
})
