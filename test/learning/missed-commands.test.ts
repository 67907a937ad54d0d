import t from 'tap'
import { UNREADABLE_POLICY } from '../../src/core/policy/policy.js'
import { fingerprintOf } from '../../src/core/predictor/fingerprint.js'
import { missedCommands } from '../../src/learning/missed-commands.js'
import { UNREADABLE_PIN } from '../../src/store/encoding/stored-values.js'
import { LEDGER, pinOf, versionOf } from '../store/fixtures.js'

const p = versionOf('p', 1)
const ledger = { ...LEDGER, predictors: [{ name: 'p', fingerprint: fingerprintOf(p.predictor) }] }
type Rows = Readonly<Record<string, unknown>>
/** The ledger's rows with some replaced; `null` removes one. */
const table = (known: Iterable<[string, unknown]>, other: Rows = {}) =>
  new Map(Object.entries({ ...Object.fromEntries(known), ...other }).filter(([, row]) => row !== null)) as never
const missed = async (tables: { policies?: Rows, pins?: Rows, predictors?: Rows, damaged?: string[] }) => await missedCommands({
  policies: async () => table(ledger.policies, tables.policies),
  pins: async () => table(ledger.pins, tables.pins),
  predictors: async () => table([['p', p]], tables.predictors),
  damagedPredictors: async () => tables.damaged ?? [],
}, ledger)

t.test('nothing is missed if the tables match the ledger', async (t) => {
  t.same(await missed({}), [])
})

t.test('additions, changes and removals that the ledger lacks are repeated', async (t) => {
  t.match(await missed({ policies: { '*': { mode: 'off' }, 'model=q': null, 'model=r': { min_tokens: 7 } } }), [
    { type: 'policy', key: '*', policy: { mode: 'off' }, by: 'stopgate' }, { key: 'model=q', policy: null }, { key: 'model=r', policy: { min_tokens: 7 } },
  ])
  t.match(await missed({ pins: { 'model=q': null, 'model=r': pinOf(0.9) } }), [
    { type: 'pin', key: 'model=q', pin: null, reason: /could not be read/ }, { key: 'model=r', pin: { threshold: 0.9 } },
  ])
  const retired = versionOf('p', 1, 9)
  const q = versionOf('q', 2)
  t.match(await missed({ predictors: { p: retired, q } }), [{ type: 'predictor', name: 'p', version: retired }, { name: 'q', version: q }])
  t.match(await missed({ predictors: { p: null } }), [{ name: 'p', version: null }])
})

t.test('unreadable rows of the tables repeat nothing', async (t) => {
  t.same(await missed({ policies: { '*': UNREADABLE_POLICY }, pins: { 'model=q': UNREADABLE_PIN }, predictors: { p: null }, damaged: ['p'] }), [])
})
