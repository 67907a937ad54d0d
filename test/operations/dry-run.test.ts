import t from 'tap'
import { dryRun } from '../../src/operations/dry-run.js'

t.test('contexts that change come first, and all are counted', async (t) => {
  const rows = [
    { key: 'd', before: 0.9, after: 0.9 }, { key: 'c', before: 0.9, after: null }, { key: 'b', before: null, after: null, new_epoch: true }, { key: 'a', before: null, after: null },
    { key: 'e', before: 0.9, after: 0.9, mode_before: 'enforce', mode_after: 'off' }, { key: 'f', before: 0.9, after: 0.9, mode_before: 'off', mode_after: 'off' },
  ]
  t.match(dryRun(rows), { contexts: [{ key: 'b' }, { key: 'c' }, { key: 'e' }, { key: 'a' }, { key: 'd' }, { key: 'f' }], total: 6, changing: 3 })
  const many = Array.from({ length: 1000 }, (_, i) => ({ key: `k${String(i).padStart(4, '0')}`, before: null, after: i === 999 ? 0.5 : null }))
  const seen = dryRun(many)
  t.match(seen, { total: 1000, changing: 1 })
  t.equal(seen.contexts.length, 200)
  t.equal(seen.contexts[0]!.key, 'k0999')
})
