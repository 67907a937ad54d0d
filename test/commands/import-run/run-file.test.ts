import { appendFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { writeEvent, writeVersion } from '../../../src/commands/import-run/event.js'
import { frameRecord } from '../../../src/commands/import-run/record-file.js'
import { RunFile } from '../../../src/commands/import-run/run-file.js'
import { temporaryFolder } from '../../helper.js'

const line = (step: number) => `{"step":${step},"suite":"s","em":0.5,"n":10,"tokens_mean":5}\n`
const event = (step: number) => frameRecord(writeEvent({ wallTime: 1, step, scalars: [{ tag: 'eval/s/exact_match', value: 0.5 }, { tag: 'eval/s/tokens_mean', value: 5 }] }))
const steps = async (file: RunFile, isFinal = false) => (await file.read(isFinal)).map(({ draft }) => draft?.step)

t.test('lines as they come, whole ones only', async (t) => {
  const path = join(await temporaryFolder(t), 'f')
  await writeFile(path, '')
  const file = new RunFile(path, {})
  t.same(await steps(file), [])
  await appendFile(path, line(1) + '\n' + line(2).slice(0, 20))
  t.same(await steps(file), [1])
  await appendFile(path, line(2).slice(20) + line(3))
  t.match(await file.read(false), [{ place: `${path}:3`, draft: { step: 2 } }, { place: `${path}:4` }])
  t.same(await steps(file), [])
  await writeFile(path, line(9))
  t.same(await steps(file), [9], 'it was cut: all of it again')
  await appendFile(path, 'not json\n')
  t.same(await file.read(false), [{ place: `${path}:2`, draft: null }])
})

t.test('events as they come, the last step once the file is quiet', async (t) => {
  const path = join(await temporaryFolder(t), 'events.out.tfevents.1')
  await writeFile(path, frameRecord(writeVersion(1)))
  const file = new RunFile(path, {})
  t.same(await steps(file), [])
  await appendFile(path, Buffer.concat([event(1), event(2).subarray(0, 30)]))
  t.same(await steps(file), [])
  await appendFile(path, event(2).subarray(30))
  t.same(await steps(file), [1])
  t.same(await steps(file), [2])
  t.same(await steps(file), [])
  t.same(await steps(new RunFile(path, {}), true), [1, 2])
})

t.test('JSON that is replaced is read again, half of it waited for', async (t) => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'trainer_state.json')
  const state = (...at: number[]) => JSON.stringify({ log_history: at.map((step) => ({ step, eval_s_em: 0.5 })) }, null, 2)
  await writeFile(path, state(1).slice(0, 30))
  const file = new RunFile(path, {})
  t.same(await steps(file), [])
  await writeFile(path, state(1))
  t.same(await steps(file), [1])
  await writeFile(path + '.new', state(1, 2))
  await rename(path + '.new', path)
  t.same(await steps(file), [1, 2])
})

t.test('what is no such file is refused', async (t) => {
  const folder = await temporaryFolder(t)
  const refuses = async (content: string | Buffer, message: RegExp) => {
    const path = join(folder, 'f')
    await writeFile(path, content)
    await t.rejects(new RunFile(path, {}).read(true), { name: 'ImportError', message })
  }
  await refuses('step,em\n1,0.5\n', /not a format that is known/)
  await refuses(Buffer.from([1, 0, 2, 0]), /neither JSON nor/)
  await refuses('{"a": 1}', /neither results of lm-evaluation-harness/)
  await refuses('{"results": {', /not a format/)
  await t.rejects(new RunFile(join(folder, 'none'), {}).read(true), { name: 'ImportError', message: /ENOENT/ })
})
