import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { createScheduledExports } from '../../../src/service/admin/scheduled-exports.js'
import { readStateFile } from '../../../src/store/encoding/state-file.js'
import { certify, KEY } from '../../certify.js'
import { build, temporaryFolder, until } from '../../helper.js'

const log = pino({ level: 'silent' })
const QUICK = { checkMs: 20 }

async function * linesOf (file: string) { for (const line of (await readFile(file, 'utf8')).trim().split('\n')) yield line }
const filesIn = async (folder: string) => (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jsonl')).sort()

/** The export of a day of January 2000. */
const nameOf = (day: number) => `stopgate-200001${day}T000000000Z.jsonl`

/** Exports of 18 days, all of which are due for another. @param stateOf id of the state in the one of a day */
async function writeExports (folder: string, stateOf: (day: number) => string): Promise<void> {
  for (let day = 10; day < 28; day++) {
    await writeFile(join(folder, nameOf(day)), `${JSON.stringify({ stopgate_state: 1, state_id: stateOf(day) })}\n`)
    await utimes(join(folder, nameOf(day)), 1, 1)
  }
}

t.test('the learner exports the state, again only when it is due, and keeps 14 files', async (t) => {
  const folder = await temporaryFolder(t)
  const built = await build(t, { EXPORT_EVERY_HOURS: '6', EXPORT_DIR: folder })
  await certify(built)
  const exports = createScheduledExports({ ...built, log, ...QUICK })
  t.teardown(exports.close)
  const [first] = await until('a file is there', async () => { const files = await filesIn(folder); return files.length > 0 ? files : null })
  const { rows } = await readStateFile(linesOf(join(folder, first!)))
  t.ok(rows.contexts.some(({ key }) => key === KEY), 'it can be imported, and has the context')
  await until('the command names it', () => exports.restoreCommand() === `stopgate import ${join(folder, first!)} --replace`)
  for (let i = 10; i < 28; i++) await writeFile(join(folder, `stopgate-200001${i}T000000000Z.jsonl`), '')
  await writeFile(join(folder, 'stopgate-20000110T000000001Z.jsonl.part'), 'of a process that was killed')
  await writeFile(join(folder, 'mine.jsonl'), '')
  await utimes(join(folder, first!), 1, 1) // the newest file is old now
  const files = await until('the next one is made', async () => { const files = await filesIn(folder); return files.length === 15 ? files : null })
  t.ok(files.includes('mine.jsonl') && files.includes(first!), 'other files stay')
  t.equal(files.at(-1)! > first!, true)
  t.notOk((await readdir(folder)).some((name) => name.endsWith('.part')))
})

t.test('the last export of each other state stays, so that those of an emptied store do not replace it', async (t) => {
  const folder = await temporaryFolder(t)
  const built = await build(t, { EXPORT_EVERY_HOURS: '6', EXPORT_DIR: folder })
  const { stateId } = built.snapshotHolder.snapshot()
  await writeExports(folder, (day) => day < 12 ? 'lost first' : day < 14 ? 'lost later' : stateId)
  const exports = createScheduledExports({ ...built, log, ...QUICK })
  t.teardown(exports.close)
  const files = await until('the next one is made', async () => { const files = await filesIn(folder); return files.length === 16 ? files : null })
  t.strictSame(files.slice(0, 3), [nameOf(11), nameOf(13), nameOf(15)])
})

t.test('where contexts cannot be read, exports go on, and the last one of before stays and is offered', async (t) => {
  const folder = await temporaryFolder(t)
  const built = await build(t, { EXPORT_EVERY_HOURS: '6', EXPORT_DIR: folder })
  const { stateId } = built.snapshotHolder.snapshot()
  await writeExports(folder, () => stateId)
  const loss = { kind: 'unreadable' as const, at: Date.parse('2000-01-11T12:00:00Z') }
  const snapshotHolder = { ...built.snapshotHolder, loss: () => loss }
  const exports = createScheduledExports({ ...built, snapshotHolder, log, ...QUICK })
  t.teardown(exports.close)
  const files = await until('the next one is made', async () => { const files = await filesIn(folder); return files.length === 15 ? files : null })
  t.equal(files[0], nameOf(11))
  await until('it is offered', () => exports.restoreCommand() === `stopgate import ${join(folder, nameOf(11))} --replace`)
})

t.test('nothing is exported while a loss is not acknowledged, or by a replica that is not the learner', async (t) => {
  const folder = await temporaryFolder(t)
  const built = await build(t, { EXPORT_EVERY_HOURS: '6', EXPORT_DIR: join(folder, 'new') })
  await built.app.close()
  let checks = 0
  const count = <T>(value: T) => () => { checks++; return value }
  const lost = createScheduledExports({ ...built, snapshotHolder: { ...built.snapshotHolder, ageSeconds: () => 0, loss: count({ kind: 'replaced' as const, at: 0 }) }, learner: { isLeader: () => true }, log, ...QUICK })
  t.teardown(lost.close)
  const follower = createScheduledExports({ ...built, learner: { isLeader: count(false) }, log, ...QUICK })
  t.teardown(follower.close)
  await until('both have looked a few times', () => checks > 10)
  t.same(await filesIn(join(folder, 'new')), [])
})

t.test('a folder that cannot be written is a problem, and a warning', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'file'), '')
  const built = await build(t, { EXPORT_EVERY_HOURS: '6', EXPORT_DIR: join(folder, 'file', 'below') })
  const exports = createScheduledExports({ ...built, log, ...QUICK })
  t.teardown(exports.close)
  await until('it fails', () => exports.problem() !== null)
  t.match(exports.problem(), /ENOTDIR/)
})

t.test('an interval below a minute is kept', async (t) => {
  const folder = await temporaryFolder(t)
  await build(t, { EXPORT_EVERY_HOURS: '0.0001', EXPORT_DIR: folder })
  t.ok(await until('the next one is made', async () => (await filesIn(folder)).length > 1, 30))
})

t.test('an empty store beside exports of another state is a loss, though no replica saw it happen', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'stopgate-20000110T000000000Z.jsonl')
  await writeFile(file, `${JSON.stringify({ stopgate_state: 1, state_id: 'lost' })}\n`)
  const built = await build(t, { EXPORT_EVERY_HOURS: '6', EXPORT_DIR: folder })
  const lossOf = async () => (await built.send('GET', '/v1/store-loss')).body
  await until('it is noticed', async () => (await lossOf()).lost)
  t.match(await lossOf(), { kind: 'replaced', restore: `stopgate import ${file} --replace` })
  t.match(await built.send('POST', '/v1/store-loss/acknowledgement', { reason: 'a new store' }), { body: { lost: false } })
})

t.test('a store that has learned is not lost, whatever the exports beside it are of', async (t) => {
  const folder = await temporaryFolder(t)
  const DATA_DIR = await temporaryFolder(t)
  const before = await build(t, { DATA_DIR })
  await certify(before)
  await before.app.close()
  const file = join(folder, 'stopgate-20000110T000000000Z.jsonl')
  await writeFile(file, `${JSON.stringify({ stopgate_state: 1, state_id: 'other' })}\n`)
  await utimes(file, 1, 1)
  const built = await build(t, { DATA_DIR, EXPORT_EVERY_HOURS: '0.0001', EXPORT_DIR: folder })
  await until('it is exported', async () => (await filesIn(folder)).length > 1)
  t.equal((await built.send('GET', '/v1/store-loss')).body.lost, false)
})
