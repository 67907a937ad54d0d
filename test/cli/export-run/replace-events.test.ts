import { appendFile, readdir, readFile, stat, utimes, writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { replaceEvents, replaceFile, type SuiteEvent } from '../../../src/cli/export-run/replace-events.js'
import { readEvent } from '../../../src/cli/event-files/event.js'
import { readRecords } from '../../../src/cli/event-files/tfrecord.js'
import { temporaryFolder } from '../../helper.js'

const event = (suite: string, step: number, value = 0.5): SuiteEvent => ({ suite, step, wallTime: step + 1, scalars: [{ tag: `eval/${suite}/exact_match`, value }] })
const FIRST = 'events.out.tfevents.0000000000.stopgate'
const SECOND = 'events.out.tfevents.0000000001.stopgate'

/** Suite, step and value of each event, as a reader sees them that reads the files in the order of their names. */
async function shown (folder: string): Promise<unknown[]> {
  const names = (await readdir(folder)).sort()
  const parts = await Promise.all(names.map(async (name) => readRecords(name, await readFile(join(folder, name)), 0).records.slice(2)))
  return parts.flat().map(readEvent).map(({ step, scalars: [scalar] }) => `${scalar!.tag.split('/')[1]} ${step} ${scalar!.value}`)
}

t.test('new steps are appended, whatever their suite', async (t) => {
  const folder = await temporaryFolder(t)
  t.equal(await replaceEvents(folder, []), join(folder, FIRST))
  const events = [event('a', 1), event('a', 2), event('b', 1)]
  await replaceEvents(folder, events)
  const before = await readFile(join(folder, FIRST))
  t.equal(await replaceEvents(folder, events), join(folder, FIRST))
  t.same(await readFile(join(folder, FIRST)), before, 'unchanged without new steps')
  await replaceEvents(folder, [...events, event('a', 3), event('b', 2), event('c', 0)])
  t.same((await readFile(join(folder, FIRST))).subarray(0, before.length), before)
  t.same(await readdir(folder), [FIRST])
  t.same(await shown(folder), ['a 1 0.5', 'b 1 0.5', 'a 2 0.5', 'c 0 0.5', 'b 2 0.5', 'a 3 0.5'])
})

t.test('a changed, missing or earlier step starts a new file, which replaces the earlier files', async (t) => {
  for (const [reason, later] of Object.entries({ changed: [event('a', 2, 0.6), event('a', 4)], missing: [event('a', 4)], earlier: [event('a', 2), event('a', 3), event('a', 4)] })) {
    const folder = await temporaryFolder(t)
    await replaceEvents(folder, [event('a', 2), event('a', 4)])
    t.equal(await replaceEvents(folder, later), join(folder, SECOND), reason)
    t.same((await readdir(folder)).sort(), [FIRST, SECOND])
    t.equal((await stat(join(folder, FIRST))).size, 0, 'emptied, so that its readers go on to the next file')
    t.same(await shown(folder), later.map(({ step, scalars }) => `a ${step} ${scalars[0]!.value}`))
    t.equal(await replaceEvents(folder, [...later, event('a', 9)]), join(folder, SECOND), 'further steps are appended to it')
  }
})

t.test('a file whose writer was killed is replaced, and a replaced file is removed an hour later', async (t) => {
  const folder = await temporaryFolder(t)
  await replaceEvents(folder, [event('a', 1)])
  const whole = await readFile(join(folder, FIRST))
  await appendFile(join(folder, FIRST), whole.subarray(0, 7))
  t.equal(await replaceEvents(folder, [event('a', 1)]), join(folder, SECOND))
  await writeFile(join(folder, FIRST), whole)
  await writeFile(join(folder, 'events.out.tfevents.1795714420.host.1.0'), whole)
  const replaced = async () => {
    t.equal(await replaceEvents(folder, [event('a', 1)]), join(folder, SECOND))
    return (await stat(join(folder, FIRST))).size
  }
  t.equal(await replaced(), 0, 'its replacement was interrupted before it was emptied')
  t.equal(await replaced(), 0, 'it is kept for an hour')
  await utimes(join(folder, FIRST), 0, 0)
  await t.rejects(replaced(), { code: 'ENOENT' })
  t.same((await readdir(folder)).sort(), [SECOND, 'events.out.tfevents.1795714420.host.1.0'], 'files of other writers are kept')
})

t.test('replacing a file leaves no other file in the folder, even after a failure', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'f'), 'old')
  await replaceFile(join(folder, 'f'), 'new')
  t.equal(await readFile(join(folder, 'f'), 'utf8'), 'new')
  await mkdir(join(folder, 'g'))
  await t.rejects(replaceFile(join(folder, 'g'), 'new'), { code: 'EISDIR' })
  t.same((await readdir(folder)).sort(), ['f', 'g'])
})
