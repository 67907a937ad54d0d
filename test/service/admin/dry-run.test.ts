import t from 'tap'
import { checkConfirmed, dryRun } from '../../../src/service/admin/dry-run.js'

t.test('contexts that change come first, and all are counted', async (t) => {
  const rows = [
    { key: 'd', before: 0.9, after: 0.9 }, { key: 'c', before: 0.9, after: null }, { key: 'b', before: null, after: null, new_epoch: true }, { key: 'a', before: null, after: null },
    { key: 'e', before: 0.9, after: 0.9, mode_before: 'enforce', mode_after: 'off' }, { key: 'f', before: 0.9, after: 0.9, mode_before: 'off', mode_after: 'off' },
  ]
  t.match(dryRun(['model'], 'c', rows), { contexts: [{ key: 'b' }, { key: 'c' }, { key: 'e' }, { key: 'a' }, { key: 'd' }, { key: 'f' }], total: 6, changing: 3 })
  const many = Array.from({ length: 1000 }, (_, i) => ({ key: `k${String(i).padStart(4, '0')}`, before: null, after: i === 999 ? 0.5 : null }))
  const seen = dryRun(['model'], 'c', many)
  t.match(seen, { total: 1000, changing: 1 })
  t.equal(seen.contexts.length, 200)
  t.equal(seen.contexts[0]!.key, 'k0999')
})

t.test('contexts that would lose most come first, and the order does not change the confirmation', async (t) => {
  const row = (key: string, em_drop_after?: number | null) => ({ key, before: 0.9, after: 0.5, em_drop_after })
  const seen = dryRun(['model'], 'c', [row('a', 0.01), row('b', null), row('c', 0.3), row('d', -0.01)])
  t.strictSame(seen.contexts.map(({ key }) => key), ['c', 'a', 'd', 'b'])
  t.equal(dryRun(['model'], 'c', ['a', 'b', 'c', 'd'].map((key) => row(key))).confirm, seen.confirm, 'when it is carried out nothing is foreseen')
})

t.test('a confirmation holds for one command, while the same contexts change', async (t) => {
  const row = (key: string, after: number | null) => ({ key, before: 0.9, after })
  const shown = dryRun(['model'], ['reset', '*'], [row('a', null), row('b', null), row('c', 0.9)])
  const check = (command: unknown, rows: Array<ReturnType<typeof row>>, given = shown.confirm as string | undefined) => () =>
    checkConfirmed(dryRun(['model'], command, rows), given)
  t.doesNotThrow(check(['reset', '*'], [row('c', 0.9), row('b', null), row('a', null), row('d', 0.9)]), 'one more that does not change')
  t.throws(check(['reset', '*'], [row('a', null)]), { code: 'UNCONFIRMED' }, 'one less')
  t.throws(check(['reset', '*'], [row('a', null), row('b', null), row('c', null)]), { code: 'UNCONFIRMED', message: /3 contexts/ }, 'one more')
  t.throws(check(['pin', '*'], [row('a', null), row('b', null)]), { code: 'UNCONFIRMED' }, 'another command')
  t.throws(() => checkConfirmed(shown, undefined), { code: 'UNCONFIRMED', statusCode: 409 })
  t.doesNotThrow(() => checkConfirmed(dryRun(['model'], 'c', [row('a', 0.9)]), undefined), 'nothing changes')
})

t.test('tokens a day are summed over contexts where generations are', async (t) => {
  const row = (key: string, from: number | null, to: number | null, after: number | null = null) =>
    ({ key, before: 0.9, after, tokens_saved_per_day_before: from, tokens_saved_per_day_after: to })
  const sumOf = (rows: Array<ReturnType<typeof row>>) => dryRun(['model'], 'c', rows).tokens_saved_per_day
  t.strictSame(sumOf([row('*', 12, 3), row('a', 10, 1), row('b', 2.4, 2.4), row('c', null, 7), row('d', null, null, 0.9)]), { before: 12, after: 3, unknown: 1 })
  t.strictSame(sumOf([row('*', null, null), row('a', 5, null)]), { before: null, after: null, unknown: 1 }, 'nothing is known')
  t.strictSame(sumOf([]), { before: null, after: null, unknown: 0 })
})
