import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decide, decideStep, type Decision, type Freshness, type Reason, REASONS } from '../../../src/core/decide/decide.js'
import { decideColumns, stepAt, type Columns } from '../../../src/core/decide/decide-columns.js'
import { holds } from '../../property.js'
import { columnsWith, snapshots } from './random-columns.js'
import { snapshotOf } from './snapshot-of.js'

const FRESHNESS = fc.constantFrom<Freshness>('fresh', 'fresh', 'stale', 'too_old')

t.test('each row is decided like a single step, to the bit, and bad rows are left out', async (t) => {
  const met = new Set<Reason>()
  const scorers = new Set<string>()
  const leftOut = fc.uniqueArray(fc.nat(11), { maxLength: 2 })
  holds(t, fc.property(snapshots, FRESHNESS, columnsWith(null), leftOut, (snapshot, freshness, columns, bad) => {
    const columnwise = decideColumns(snapshot, freshness, columns, new Set(bad))
    const rows = [...columns.context.keys()]
    const singles = rows.map((row) => bad.includes(row) ? undefined : decide(snapshot, freshness, stepAt(columns, row)))
    const us = rows.map((row) => bad.includes(row) ? null : decideStep(snapshot, freshness, stepAt(columns, row)).u)
    const rowsWhere = (isSo: (single: Decision) => boolean) => rows.filter((row) => singles[row] !== undefined && isSo(singles[row]))
    const { stop, control, would_stop, probe, asked_early, drawn, draws, reasons } = columnwise
    assert.deepEqual({ stop, control, would_stop, probe, asked_early, drawn, draws, reasons: [...reasons] }, {
      stop: rowsWhere(({ decision }) => decision === 'stop'),
      control: rowsWhere(({ arm }) => arm === 'control'),
      would_stop: rowsWhere((single) => single.would_stop),
      probe: rowsWhere((single) => single.probe),
      asked_early: rowsWhere(({ warnings }) => warnings.includes('asked_early')),
      drawn: rows.filter((row) => us[row] !== null),
      draws: us.filter((u) => u !== null),
      reasons: singles.map((single) => single?.reason),
    })
    for (const single of singles) if (single) { met.add(single.reason); scorers.add(`${single.decision} by ${single.scorer}`) }
    return rows.every((row) => singles[row] === undefined || singles[row].threshold === columnwise.rules[columns.context[row]!]!.threshold)
  }), 500)
  t.equal(met.size, REASONS.length, 'every reason was met')
  t.equal(scorers.size, 4, 'each scorer stopped some and let others go on')
})

t.test('stepAt makes the step of a row', async (t) => {
  const columns: Columns = {
    contexts: [{ model: 'q' }, {}],
    context: [1, 0],
    tokens: [1, 2],
    confidence: [null, 0.5],
    generation_ids: ['a', null],
    group_ids: [null, 'p'],
    prompt_hashes: [null, 'h'],
    arms: ['control', null],
    due_tokens: [0, null],
    retry_of: ['b', null],
    signals: { entropy: [0, null], streak: [3, 4] },
    em: [0, null],
    answer: ['', null],
    probed_score: [0, null],
  }
  t.strictSame(stepAt(columns, 0), {
    tokens: 1, confidence: null, context: {}, generation_id: 'a', due_tokens: 0, retry_of: 'b', arm: 'control', em: 0, answer: '', probed_score: 0, signals: { entropy: 0, streak: 3 },
  }, 'what is falsy is there')
  t.strictSame(stepAt(columns, 1), { tokens: 2, confidence: 0.5, context: { model: 'q' }, group_id: 'p', prompt_hash: 'h', signals: { streak: 4 } }, 'what is null is not')
})

t.test('no rows give no decisions', async (t) => {
  t.match(decideColumns(snapshotOf({}), 'fresh', { contexts: [], context: [], tokens: [], confidence: [] }, new Set()),
    { stop: [], control: [], would_stop: [], probe: [], asked_early: [], reasons: [], rules: [] })
})
