import { readFile } from 'node:fs/promises'
import t from 'tap'
import { readState, stateLines } from '../../src/store/state-file.js'
import { STATE_FORMAT } from '../../src/store/state-format.js'
import { metaRows, type StateRow } from '../../src/store/state-row.js'

const META = { salt: 's', version: 3, policy_version: 2, cursor: '5-0', last_id: '6-1', ledger: null }
const ROWS: StateRow[] = [...metaRows(META), { table: 'contexts', key: 'model="\n\u2028', value: { drift: [1, 0.1 + 0.2, 1e-300] } }]

async function * each<T> (items: readonly T[]): AsyncIterable<T> { yield * items }

async function written (rows: readonly StateRow[] = ROWS): Promise<string[]> {
  const lines: string[] = []
  for await (const line of stateLines(each(rows), new Date(0))) lines.push(line.trimEnd())
  return lines
}

t.test('what is written is read again, to the bit', async (t) => {
  const lines = await written()
  t.match(JSON.parse(lines[0]!), { stopgate_state: STATE_FORMAT, exported_at: '1970-01-01T00:00:00.000Z' })
  t.ok(lines.every((line) => !line.includes('\n')))
  const { meta, rows } = await readState(each(lines))
  t.strictSame(meta, META)
  t.strictSame(rows.contexts, ROWS.slice(-1))
})

t.test('a file that is cut off anywhere is refused', async (t) => {
  const lines = await written()
  for (let end = 0; end < lines.length; end++) await t.rejects(readState(each(lines.slice(0, end))), { name: 'StateFileError' }, `after ${end} lines`)
  await t.rejects(readState(each([...lines.slice(0, 2), lines[1]!.slice(0, 9)])), { message: /line 2 is not a JSON object.*only a part/ })
  await t.rejects(readState(each([lines[0]!, ...lines.slice(2)])), { message: /not whole/ }, 'a row is gone')
  await t.rejects(readState(each([lines[0]!, JSON.stringify({ rows: 0 })])), { message: /has no salt/ })
})

t.test('what is no state is refused', async (t) => {
  await t.rejects(readState(each(['{"generation_id":"g"}'])), { message: /no exported state/ })
  await t.rejects(readState(each(['null'])), { message: /not a JSON object/ })
  const lines = await written()
  await t.rejects(readState(each([lines[0]!, '{"table":"secrets","key":"","value":1}', ...lines.slice(1)])), { message: /no row/ })
})

t.test('an older format is read, step by step; a newer one is refused, with what to do', async (t) => {
  const lines = await written()
  await t.rejects(readState(each([JSON.stringify({ stopgate_state: STATE_FORMAT + 1 }), ...lines.slice(1)])), {
    message: /format 6, and this version reads formats up to 5: take a newer stopgate/,
  })
  const head = [JSON.stringify({ stopgate_state: 1 })]
  const rename = (from: string, to: string) => (row: StateRow) => [{ ...row, key: row.key.replace(from, to) }]
  const drop = (row: StateRow) => row.table === 'meta' && row.key === 'extra' ? [] : [row]
  const upgrades = { 1: rename('old', 'newer'), 2: rename('newer', 'newest'), 3: drop }
  const [, ...old] = await written([...metaRows(META), { table: 'meta', key: 'extra', value: 1 }, { table: 'pins', key: 'old', value: null }])
  const { rows } = await readState(each([...head, ...old]), { format: 4, upgrades })
  t.same(rows.pins, [{ table: 'pins', key: 'newest', value: null }])
  t.equal(rows.meta.length, 6)
})

t.test('a file of format 1 is read: what there is of it is as it was', async (t) => {
  const lines = (await readFile('test/state-format-1.ndjson', 'utf8')).trimEnd().split('\n')
  const { meta, rows } = await readState(each(lines))
  t.equal(meta.version, 2)
  t.same(Object.entries(rows).filter(([, rows]) => rows.length === 0).map(([table]) => table), ['predictors', 'reservoir', 'training_runs', 'training_series'])
  t.same(rows.seen.map(({ value }) => (value as number[])[1]), [0, 1], 'where Redis said true and false')
  t.same(rows.pending.concat(rows.log), lines.slice(1).map((line) => JSON.parse(line)).filter(({ table }) => table === 'pending' || table === 'log'))
})
