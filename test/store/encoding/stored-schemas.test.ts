import { Type } from '#typebox'
import t from 'tap'
import { storeCohort } from '../../../src/core/evidence/cohorts.js'
import { Cohort } from '../../../src/core/evidence/cohort.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { isCohort } from '../../../src/store/encoding/context-schemas.js'
import { auditOf, encodeEntry } from '../../../src/store/encoding/log-rows.js'
import { isChange, isCommand, isEntry, isFollowUp, isLedger, isPending, isPin, isPolicy, isPredictor, isSample, check, like, orNull, time } from '../../../src/store/encoding/stored-schemas.js'
import { encodeCohort, encodeFollowUp, encodeLedger, encodePending, encodeSample } from '../../../src/store/encoding/stored-values.js'
import {
  change, cohortOf, headerOf, LEDGER, label, LIST, outcome, pendingOf, pinEntry,
  policyEntry, predictorEntry, RESET, sampleOf, TICK, unlabelled, versionOf,
} from '../fixtures.js'

const gridOf = (length: number) => Array.from({ length }, (_, k) => 0.99 - k / 200)
const PIN = { threshold: 0.5, reason: 'r', by: 'a', expires_at: null }
const COHORT = storeCohort(cohortOf())
const { type: _, ...list } = LIST as Extract<typeof LIST, { type: 'enrolment' }>
const back = (text: string) => JSON.parse(text)
const ENTRIES = [
  outcome('a'), unlabelled('b'), label('b'), LIST, { ...RESET, below: false as const }, policyEntry('*', { mode: 'shadow' }), policyEntry('*', null), pinEntry('*', 0.5), pinEntry('*', null), RESET, TICK,
  predictorEntry('p', versionOf('p', 1, 2)), predictorEntry('p', null), { type: 'checkpoint', key: '*', run: 'r', step: 1, by: 'a' } as const,
  { type: 'configuration', configuration: LEDGER.configuration } as const,
]

t.test('every value that the store writes matches its schema', async (t) => {
  for (const entry of ENTRIES) {
    t.ok(isEntry(back(encodeEntry(entry))), entry.type)
    const command = auditOf(entry)
    if (command !== null) t.ok(isCommand(back(JSON.stringify(command))), `${entry.type} in the audit trail`)
  }
  t.ok(isLedger(back(encodeLedger(LEDGER))))
  t.ok(isPending(back(encodePending(pendingOf('a')))))
  t.ok(isSample(back(encodeSample(sampleOf(0.5)))))
  t.ok(isFollowUp(back(encodeFollowUp(headerOf(1)))))
  for (const cohort of [COHORT, storeCohort(new Cohort('1-0'))]) t.ok(isCohort(back(encodeCohort(cohort))))
  const { predictor, ...version } = versionOf('p', 1)
  for (const length of [2, 30]) t.ok(isPredictor({ ...version, predictor: { ...predictor, grid: gridOf(length) } }), `${length} thresholds`)
  t.ok(isPolicy(DEFAULT_POLICY))
  t.ok(isPolicy({ control_rate: 0.1, error_level: 0.1 }))
  t.ok(isPin(PIN))
})

t.test('a missing field and a field of the wrong type make a value invalid', async (t) => {
  const version = versionOf('p', 1)
  const pairs: Array<readonly [(value: unknown) => boolean, object]> = [
    [isEntry, outcome('a')], [isLedger, back(encodeLedger(LEDGER))], [isPending, pendingOf('a')], [isSample, sampleOf(0.5)],
    [isChange, change(1)], [isCohort, COHORT], [isFollowUp, headerOf(1)],
    [(slice) => isCohort({ ...COHORT, slices: [slice] }), COHORT.slices[0]!],
    [(report) => isCohort({ ...COHORT, reports: [report] }), COHORT.reports[0]!],
    [(members) => isCohort({ ...COHORT, members }), COHORT.members],
    [(spent) => isCohort({ ...COHORT, spent }), COHORT.spent],
    [(list) => isEntry({ type: 'enrolment', ...list as object }), list], [(entry) => isEntry({ type: 'enrolment', ...list, entries: [entry] }), list.entries[0]!],
    [isPredictor, version], [(predictor) => isPredictor({ ...version, predictor }), version.predictor],
  ]
  const optional = ['by']
  for (const [isValid, value] of pairs) {
    for (const name of Object.keys(value).filter((name) => !optional.includes(name))) {
      const { [name]: _, ...rest } = value as Record<string, unknown>
      t.notOk(isValid(rest), `without ${name}`)
      t.notOk(isValid({ ...value, [name]: ['odd', 1] }), `odd ${name}`)
    }
  }
  for (const odd of [null, 7, 'a', [], {}, { type: 'odd' }, { type: '__proto__' }, { type: 'toString' }]) t.notOk(isEntry(odd) || isCommand(odd), JSON.stringify(odd))
  for (const odd of [TICK, outcome('a'), { type: 'predictor', name: 'p', action: 'odd', by: 'a' }, { ...RESET, key: 7 }]) t.notOk(isCommand(odd), odd.type)
  for (const name of Object.keys(DEFAULT_POLICY)) t.notOk(isPolicy({ [name]: [] }), name)
  t.notOk(isPolicy({ min_tokens: Infinity }))
  for (const level of [-1, 0, 1, 5, null]) for (const name of ['error_level', 'max_em_drop']) t.notOk(isPolicy({ [name]: level }), `${name} ${level}`)
  for (const threshold of [-1, 2e9, '0.5']) t.notOk(isPin({ ...PIN, threshold }), `a pin at ${threshold}`)
  t.notOk(isPin({ ...PIN, expires_at: 1e300 }), 'a time without a date')
  for (const change of [{ grid: gridOf(1) }, { grid: gridOf(121) }, { grid: version.predictor.grid.with(3, -0.5) }, { contexts: { a: version.predictor.contexts['*'] } }, { contexts: { '*': { ...version.predictor.contexts['*'], length_power: null } } }, { signals: [{ name: 's', mean: 0, scale: 1 }] }]) {
    t.notOk(isPredictor({ ...version, predictor: { ...version.predictor, ...change } }), `${Object.keys(change)} of the wrong size or range`)
  }
})

t.test('a value is like an example if it has its fields, types and lengths', async (t) => {
  const isLike = check(like({ n: 1, s: '', b: true, list: [1, 2], any: [], free: null }))
  const value = { n: 2, s: 'x', b: false, list: [3, 4], any: ['x'], free: {} }
  t.ok(isLike(value))
  for (const odd of [{ n: '1' }, { s: 1 }, { b: null }, { list: [1] }, { list: [1, 2, 3] }, { list: ['x', 'y'] }, { any: 7 }]) t.notOk(isLike({ ...value, ...odd }), JSON.stringify(odd))
  for (const name of Object.keys(value)) t.notOk(isLike(Object.fromEntries(Object.entries(value).filter(([other]) => other !== name))), `without ${name}`)
})

t.test('a time has a date, and may be null where that is allowed', async (t) => {
  const isTime = check(Type.Object({ at: orNull(time) }))
  t.ok(isTime({ at: null }) && isTime({ at: 8.64e15 }))
  t.notOk(isTime({ at: 8.65e15 }))
})
