import t from 'tap'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { auditOf, encodeEntry, encodeLedger, encodePending, encodeSample } from '../../src/store/encoding.js'
import {
  isWholeChange, isWholeCommand, isWholeEntry, isWholeLedger, isWholePending, isWholePin, isWholePolicy, isWholePredictor, isWholeSample,
} from '../../src/store/stored-schemas.js'
import { change, LEDGER, label, outcome, pendingOf, pinEntry, policyEntry, predictorEntry, RESET, sampleOf, TICK, unlabelled, versionOf } from './fixtures.js'

const gridOf = (length: number) => Array.from({ length }, (_, k) => 0.99 - k / 200)
const PIN = { threshold: 0.5, reason: 'r', by: 'a', expires_at: null }
const back = (text: string) => JSON.parse(text)
const ENTRIES = [
  outcome('a'), unlabelled('b'), label('b'), policyEntry('*', { mode: 'shadow' }), policyEntry('*', null), pinEntry('*', 0.5), pinEntry('*', null), RESET, TICK,
  predictorEntry('p', versionOf('p', 1, 2)), predictorEntry('p', null), { type: 'checkpoint', key: '*', run: 'r', step: 1, by: 'a' } as const,
  { type: 'configuration', configuration: LEDGER.configuration } as const,
]

t.test('what is written is whole', async (t) => {
  for (const entry of ENTRIES) {
    t.ok(isWholeEntry(back(encodeEntry(entry))), entry.type)
    const command = auditOf(entry)
    if (command !== null) t.ok(isWholeCommand(back(JSON.stringify(command))), `${entry.type}, in the audit trail`)
  }
  t.ok(isWholeLedger(back(encodeLedger(LEDGER))))
  t.ok(isWholePending(back(encodePending(pendingOf('a', 1)))))
  t.ok(isWholeSample(back(encodeSample(sampleOf(0.5)))))
  const { predictor, ...version } = versionOf('p', 1)
  for (const length of [2, 30, 120]) t.ok(isWholePredictor({ ...version, predictor: { ...predictor, grid: gridOf(length) } }), `${length} thresholds`)
  t.ok(isWholePolicy(DEFAULT_POLICY))
  t.ok(isWholePolicy({ control_rate: 0.1, em_per_token_percent: 0.1, of_a_later_version: {} }))
  t.ok(isWholePin(PIN))
})

t.test('without one of its parts, or with one of another kind, it is not', async (t) => {
  const version = versionOf('p', 1)
  const pairs: Array<readonly [(value: unknown) => boolean, object]> = [
    [isWholeEntry, outcome('a')], [isWholeLedger, back(encodeLedger(LEDGER))], [isWholePending, pendingOf('a', 1)], [isWholeSample, sampleOf(0.5)],
    [isWholeChange, change(1)],
    [isWholePredictor, version], [(predictor) => isWholePredictor({ ...version, predictor }), version.predictor],
  ]
  const mayBeAbsent = ['predictors', 'train_at', 'by']
  for (const [isWhole, value] of pairs) {
    for (const name of Object.keys(value).filter((name) => !mayBeAbsent.includes(name))) {
      const { [name]: _, ...rest } = value as Record<string, unknown>
      t.notOk(isWhole(rest), `without ${name}`)
      t.notOk(isWhole({ ...value, [name]: ['odd', 1] }), `odd ${name}`)
    }
  }
  for (const odd of [null, 7, 'a', [], {}, { type: 'odd' }, { type: '__proto__' }, { type: 'toString' }]) t.notOk(isWholeEntry(odd) || isWholeCommand(odd), JSON.stringify(odd))
  for (const odd of [TICK, outcome('a'), { type: 'predictor', name: 'p', action: 'odd', by: 'a' }, { ...RESET, key: 7 }]) t.notOk(isWholeCommand(odd), odd.type)
  for (const name of Object.keys(DEFAULT_POLICY)) t.notOk(isWholePolicy({ [name]: [] }), name)
  t.notOk(isWholePolicy({ min_tokens: Infinity }))
  for (const level of [-1, 0, 1, 5, null]) for (const name of ['error_level', 'max_em_drop']) t.notOk(isWholePolicy({ [name]: level }), `${name} ${level}`)
  for (const threshold of [-1, 1.1, '0.5']) t.notOk(isWholePin({ ...PIN, threshold }), `a pin at ${threshold}`)
  t.notOk(isWholePin({ ...PIN, expires_at: 1e300 }), 'of that there is no date')
  for (const change of [{ grid: gridOf(1) }, { grid: gridOf(121) }, { grid: version.predictor.grid.with(3, -0.5) }, { contexts: { a: version.predictor.contexts['*'] } }, { contexts: { '*': { ...version.predictor.contexts['*'], length_power: null } } }, { signals: [{ name: 's', mean: 0, scale: 1 }] }]) {
    t.notOk(isWholePredictor({ ...version, predictor: { ...version.predictor, ...change } }), `${Object.keys(change)} that do not fit`)
  }
})
