import t from 'tap'
import { readStateFile, stateLines, readRow } from '../../../src/store/encoding/state-file.js'
import { STATE_FORMAT, metaRows, type StateRow } from '../../../src/store/state-format.js'

const META = { salt: 's', version: 3, policy_version: 2, cursor: '5-0', last_id: '6-1', ledger: null, follow_up: null }
const ROWS: StateRow[] = [...metaRows(META), { table: 'contexts', key: 'model="\n\u2028', value: { drift: [1, 0.1 + 0.2, 1e-300] } }]

async function * each<T> (items: readonly T[]): AsyncIterable<T> { yield * items }

async function written (rows: readonly StateRow[] = ROWS): Promise<string[]> {
  const lines: string[] = []
  for await (const line of stateLines(each(rows), new Date(0))) lines.push(line.trimEnd())
  return lines
}

t.test('a state that was written reads back bit for bit', async (t) => {
  const lines = await written()
  t.match(JSON.parse(lines[0]!), { stopgate_state: STATE_FORMAT, exported_at: '1970-01-01T00:00:00.000Z' })
  t.ok(lines.every((line) => !line.includes('\n')))
  const { meta, rows } = await readStateFile(each(lines))
  t.strictSame(meta, META)
  t.strictSame(rows.contexts, ROWS.slice(-1))
})

t.test('a truncated file is refused wherever it ends', async (t) => {
  const lines = await written()
  for (let end = 0; end < lines.length; end++) await t.rejects(readStateFile(each(lines.slice(0, end))), { name: 'StateFileError' }, `after ${end} lines`)
  const cut = each([...lines.slice(0, 2), lines[1]!.slice(0, 9)])
  await t.rejects(readStateFile(cut), { message: /line 2 is not a JSON object.*only a part/ })
  await t.rejects(readStateFile(each([lines[0]!, ...lines.slice(2)])), { message: /not complete/ }, 'a row is missing')
  await t.rejects(readStateFile(each([lines[0]!, JSON.stringify({ rows: 0 })])), { message: /has no salt/ })
})

t.test('a file that is not an exported state is refused', async (t) => {
  await t.rejects(readStateFile(each(['{"generation_id":"g"}'])), { message: /not the head of an exported state/ })
  await t.rejects(readStateFile(each(['null'])), { message: /not a JSON object/ })
  const lines = await written()
  await t.rejects(readStateFile(each([lines[0]!, '{"table":"secrets","key":"","value":1}', ...lines.slice(1)])), { message: /not a row/ })
})

t.test('a file of any other format is refused', async (t) => {
  const lines = await written()
  for (const format of [0, STATE_FORMAT + 1]) {
    await t.rejects(readStateFile(each([JSON.stringify({ stopgate_state: format }), ...lines.slice(1)])), {
      message: `the file has format ${format}, and this version reads only format ${STATE_FORMAT}: import it with the version that exported it`,
    })
  }
})

t.test('a damaged row states its problem', async (t) => {
  const pin = { threshold: 1, reason: 'why', by: 'ops', expires_at: null }
  t.same(readRow('pins', 'model=q', JSON.stringify(pin)), { table: 'pins', key: 'model=q', value: pin })
  t.match(readRow('pins', 'model=q', '{"threshold":"low"}'), { value: { threshold: 'low' }, damaged: /missing/ })
  t.match(readRow('contexts', 'model=q', '{"epoch":1}'), { value: { epoch: 1 }, damaged: /missing|undefined/ })
  t.match(readRow('audit', '1-0', '{"time":1}'), { value: { time: 1 }, damaged: /missing/ })
  t.match(readRow('history', '1-0', '{'), { value: '{', damaged: /JSON/ })
  t.notOk(readRow('meta', 'ledger', 'null').damaged)
  t.match(readRow('policies', 'model=q', '{"mode'), { table: 'policies', key: 'model=q', value: '{"mode', damaged: /^Unterminated/ })
  t.match(readRow('training_series', 's', '{'), { value: undefined, damaged: /JSON/ }, 'unreadable text of a table without a check is left out')
})
