import t from 'tap'
import type { ReadHistory } from '../../src/operations/history-reader.js'
import { AUDIT_LIMIT, HISTORY_LIMIT } from '../../src/store/log.js'
import type { Store } from '../../src/store/store.js'
import { readFullHistory } from '../../src/operations/full-history.js'

const rows = (count: number, oldest: number) => Array.from({ length: count }, (_, i) => ({ version: oldest + count - 1 - i, command: { type: 'pin', key: '*' } }))
const pastOf = (history: object[], audit: object[]) =>
  readFullHistory((async () => history) as unknown as ReadHistory, { audit: async () => audit } as unknown as Store)

t.test('a complete history reaches back to the first version, a trimmed one to its oldest row', async (t) => {
  t.match(await pastOf(rows(3, 7), rows(2, 5)), { reach: 0 })
  t.match(await pastOf(rows(HISTORY_LIMIT, 7), rows(2, 5)), { reach: 7 })
  t.match(await pastOf(rows(HISTORY_LIMIT + 50, 7), rows(AUDIT_LIMIT, 9)), { reach: 9 })
  t.match(await pastOf([], rows(AUDIT_LIMIT, 9)), { reach: 9 })
})

t.test('predictor rows say nothing about a context\'s threshold, but count for how far back the trail reaches', async (t) => {
  const audit = [{ version: 4, command: { type: 'predictor' } }, { version: 3, command: { type: 'policy', key: '*' } }]
  t.same((await pastOf([], audit)).commands, audit.slice(1))
  const trimmed = [...rows(AUDIT_LIMIT - 1, 9), { version: 8, command: { type: 'predictor' } }]
  t.equal((await pastOf([], trimmed)).reach, 8)
})

t.test('the history reaches back no further than a damaged row', async (t) => {
  const audit = [...rows(2, 7), { version: 6, command: { type: 'unreadable' } }, ...rows(1, 5), { version: 3, command: { type: 'unreadable' } }]
  const { reach, commands } = await pastOf(rows(3, 2), audit)
  t.same([reach, commands.map(({ version }) => version)], [6, [8, 7, 5]])
  const history = [...rows(2, 8), { version: 7, cause: 'unreadable' }, ...rows(3, 4), { version: 3, cause: 'unreadable' }]
  t.match(await pastOf(history, audit), { reach: 7 })
  t.match(await pastOf(history, rows(2, 5)), { reach: 7, changes: history })
})
