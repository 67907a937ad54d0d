import t, { type Test } from 'tap'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import {
  addSums, countControl, countReported, figuresOfSums, NO_SUMS, SAVINGS_DAYS, type SavingsSums, startOfDay, sumsOn,
} from '../../../src/core/stats/savings-sums.js'
import { createSavingsReader, savingsFile } from '../../../src/service/admin/read-savings.js'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { metaRows, sortRows } from '../../../src/store/state-format.js'
import { temporaryFolder } from '../../helper.js'
import { commitOf, state } from '../../store/fixtures.js'

const TODAY = 20_000
const date = (day: number) => new Date(startOfDay(day)).toISOString().slice(0, 10)

/** A day with so many treated generations that used 10 tokens after their crossings, and control ones that used 100 and lost nothing. */
function sumsOf (treated: number, control: number): SavingsSums {
  let sums = sumsOn(TODAY, null)
  for (let i = 0; i < treated; i++) sums = countReported(sums, { tokens: 50, probes: 1 }, 10)
  for (let i = 0; i < control; i++) {
    const reported = countReported(sums, { tokens: 140, probes: 1 }, undefined)
    sums = countControl(reported, { tokens: 90 + 20 * (i % 2), loss: 0, share: 0.5, enrolled: 1 })
  }
  const { day: _, ...rest } = sums
  return rest
}

const [A, B, C] = [sumsOf(20, 10), sumsOf(40, 12), sumsOf(3, 2)]

/** A reader of a store with two ended days, and of states that are at the third. */
async function reader (t: Test) {
  const store = await EmbeddedStore.open({ dataDir: await temporaryFolder(t) })
  t.teardown(() => store.close())
  const token = (await store.acquireLease('a', 60_000))!
  const days = [
    { day: TODAY - 2, contexts: new Map([['team=a,task=x', A], ['team=b,task=x', B]]) },
    { day: TODAY - 1, contexts: new Map([['team=a,task=x', B], ['team=a,task=y', A]]) },
  ]
  await store.commit(commitOf(token, { days }))
  const today = [{ key: 'team=a,task=x', sums: { day: TODAY, ...C } }, { key: 'team=b,task=x', sums: { day: TODAY - 2, ...B } }]
  const scan = async () => ({ at: 0, rows: [], hours: [], today })
  const config = { levels: ['team', 'task'], defaultPolicy: DEFAULT_POLICY } as never
  const read = createSavingsReader({ store, scan, config, clock: () => startOfDay(TODAY) + 1000 })
  return { store, token, read: (query: Omit<Parameters<typeof read>[0], 'isStated'>, isStated = true) => read({ ...query, isStated }) }
}

t.test('the figures of a range are those of the sums of its days and contexts, each counted once', async (t) => {
  const { read } = await reader(t)
  const all = [A, B, B, A, C].reduce(addSums, NO_SUMS)
  const { saved, lost } = figuresOfSums(all)
  const { total, rows } = await read({ prefix: '*', by: 'day' })
  t.same(total, {
    since: date(TODAY - 29),
    until: date(TODAY),
    context: '*',
    generations: all.generations,
    tokens: all.tokens,
    tokens_saved: Math.round(saved!.estimate),
    tokens_saved_low: Math.round(saved!.low),
    tokens_saved_high: Math.round(saved!.high),
    answers_lost: 0,
    answers_lost_low: Math.round(10 * lost!.low) / 10,
    answers_lost_high: Math.round(10 * lost!.high) / 10,
    answers_unlabelled: 0,
  })
  t.same(rows.map(({ since, generations }) => [since, generations]), [[date(TODAY - 2), 82], [date(TODAY - 1), 82], [date(TODAY), 5]])
  t.match(rows.at(-1), { tokens_saved: null, answers_lost: 0 }, 'two control generations are too few')
  t.same(await read({ prefix: '*', by: 'day' }), { total, rows }, 'again, from the cache')
})

t.test('a team has the contexts below its key, and a range the days in it', async (t) => {
  const { store, token, read } = await reader(t)
  const { total, rows } = await read({ prefix: 'team=a', since: date(TODAY - 1), until: date(TODAY), by: 'context' })
  t.equal(total.generations, 52 + 30 + 5)
  t.same(rows.map(({ context, generations }) => [context, generations]), [['team=a,task=x', 57], ['team=a,task=y', 30]])
  await t.rejects(read({ prefix: 'team=none', by: 'context' }), { code: 'CONTEXT_NOT_FOUND', message: /team=none is unknown: .*Check the key \(GET .*known\)$/ })
  const nothing = { total: { generations: 0, tokens_saved: 0, answers_lost: 0 }, rows: [] }
  t.match(await read({ prefix: 'team=none', by: 'context' }, false), nothing, 'of a token whose contexts are to come')
  t.match(await read({ prefix: '*', since: date(TODAY - 5), until: date(TODAY - 5) }), nothing)
  await store.commit(commitOf(token, { contexts: new Map([['team=none', state(1)]]) }))
  t.match(await read({ prefix: 'team=none' }), nothing, 'it is known, and has no outcomes in these days')
})

t.test('a day that ends is read from the store from then on, and that of another state is not cached', async (t) => {
  const { store, token, read } = await reader(t)
  const of = async (day: number) => (await read({ prefix: '*', since: date(day), until: date(day) })).total.generations
  t.same([await of(TODAY - 2), await of(TODAY)], [82, 5])
  await store.commit(commitOf(token, { days: [{ day: TODAY, contexts: new Map([['*', A]]) }] }))
  t.equal(await of(TODAY), 30)
  const meta = { salt: 's', version: 0, policy_version: 0, cursor: '0-0', last_id: '0-0', ledger: null, follow_up: null }
  await store.importRows(sortRows(metaRows(meta)), true)
  t.equal(await of(TODAY - 1), 0)
})

t.test('the oldest day is 13 months ago', async (t) => {
  const { read } = await reader(t)
  const oldest = TODAY - SAVINGS_DAYS + 1
  t.match(await read({ prefix: '*', since: date(oldest) }), { total: { since: date(oldest), generations: 169 } })
  await t.rejects(read({ prefix: '*', since: date(oldest - 1) }), { message: new RegExp(`/since must be ${date(oldest)} or later`) })
  t.match(await read({ prefix: '*', until: date(oldest) }), { total: { since: date(oldest), until: date(oldest) } })
})

t.test('a file guards spreadsheets against formulas, and quotes what needs it', async (t) => {
  const { read } = await reader(t)
  const { total } = await read({ prefix: '*' })
  const cellOf = (context: string) => savingsFile({ total, rows: [{ ...total, context }] }, 'context').split('\r\n')[1]!.slice(22)
  for (const context of ['=1+1', '+1', '-1', '@a', '\tx']) t.ok(cellOf(context).startsWith(`'${context},`), context)
  t.ok(cellOf('=HYPERLINK("x"),a').startsWith('"\'=HYPERLINK(""x""),a",'))
  t.ok(cellOf('team=a').startsWith('team=a,'))
})
