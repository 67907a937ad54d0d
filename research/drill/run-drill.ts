import { parseArgs } from 'node:util'
import { withoutPrometheus } from '../../test/slow/docker/promtool.js'
import { withoutRedis } from '../../test/redis-server.js'
import { withoutFileLimit } from '../../test/store/file-limit.js'
import { type DrillRow, type Measured, missingOf, SPEAKERS, STORES } from './drill.js'
import { FAULTS, isPlayed } from './faults.js'
import { playFault } from './play-fault.js'

/**
 * `npm run drill`: the on-call drill. Each fault is caused in real processes, and the table of docs/evidence/guards.md is printed.
 * The exit status is 1 if anything that is expected did not come. `--store redis` and `--fault 'store is lost'` choose; `--limit` is the
 * time after which a sign or an effect counts as missing, s.
 */
const { values } = parseArgs({
  options: { store: { type: 'string' }, fault: { type: 'string', default: '' }, limit: { type: 'string', default: '30' } },
})
for (const problem of [withoutPrometheus, withoutRedis, withoutFileLimit]) if (problem !== false) throw new Error(problem)
const stores = STORES.filter((store) => values.store === undefined || values.store === store)
const faults = FAULTS.filter(({ name }) => name.toLowerCase().includes(values.fault.toLowerCase()))
if (stores.length === 0 || faults.length === 0) throw new Error(`there is no such store or fault: the stores are ${STORES.join(' and ')}, the faults are\n${FAULTS.map(({ name }) => name).join('\n')}`)

const seconds = ({ seconds }: Measured): string => seconds === null ? `NOT WITHIN ${values.limit} s` : `${seconds.toFixed(1)} s`
const cell = (all: readonly Measured[]): string => all.length === 0 ? '-' : all.map((one) => `${one.text}: ${seconds(one)}`).join('; ')
const tableRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

const rows: DrillRow[] = []
for (const fault of faults) {
  for (const store of stores.filter((store) => isPlayed(fault, store))) {
    console.error(`\n${fault.name} (${store})`)
    const row = await playFault(fault, store, Number(values.limit))
    for (const { by, ...sign } of row.signs) console.error(`  ${seconds(sign).padStart(8)}  ${by}: ${sign.text}`)
    for (const action of row.actions) console.error(`  ${seconds(action).padStart(8)}  works: ${action.text}`)
    rows.push(row)
  }
}
console.log(`\n${tableRow(['fault', 'store', ...SPEAKERS, 'action, and seconds until it works'])}`)
console.log(tableRow(['---', '---', ...SPEAKERS.map(() => '---'), '---']))
for (const { fault, store, signs, actions } of rows) {
  const soonest = (by: typeof SPEAKERS[number]) => {
    const said = signs.filter((sign) => sign.by === by)
    return by === 'alert' ? cell(said) : said.length === 0 ? '-' : said.map(seconds).join(', ')
  }
  console.log(tableRow([fault, store, ...SPEAKERS.map(soonest), cell(actions)]))
}
const missing = rows.flatMap((row) => missingOf(row).map((what) => `${row.fault} (${row.store}): ${what}`))
if (missing.length > 0) console.error(`\nMissing:\n${missing.join('\n')}`)
process.exit(missing.length > 0 ? 1 : 0)
