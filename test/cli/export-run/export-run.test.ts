import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { run as exportRun } from '../../../src/cli/export-run/export-run.js'
import { run as importRun } from '../../../src/cli/import-run/import-run.js'
import { readEvent } from '../../../src/cli/event-files/event.js'
import { readRecords } from '../../../src/cli/event-files/tfrecord.js'
import { startService } from '../../../src/app/server.js'
import { temporaryFolder } from '../../helper.js'
import { captureIo } from '../command-line/captured-io.js'

t.test('an exported run can be imported unchanged, as events and as lines', async (t) => {
  const folder = await temporaryFolder(t)
  const { url, close } = await startService({ env: { DATA_DIR: join(folder, 'data'), PORT: '0', LEARNER_THREAD: 'false', LOG_LEVEL: 'silent' } })
  t.teardown(() => close())
  const file = join(folder, 'run.jsonl')
  const common = { suite: 'a/b', n: 1319, tokens_mean: 812.4, tokens_p50: 700, tokens_p95: 2100, at: '2026-01-31T12:00:00.000Z' }
  await writeFile(file, [{ ...common, step: 1, em: 0.7 }, { ...common, step: 1, em: 0.71 }, { ...common, step: 2, em: 0.72 }].map((checkpoint) => JSON.stringify(checkpoint)).join('\n'))
  await importRun([file, '--run', 'r', '--url', url], captureIo())
  const suites = async (name: string) => ((await (await fetch(`${url}/v1/training-runs/${name}`)).json()) as any).suites
    .map((suite: any) => ({ ...suite, points: suite.points.map(({ received_at: _, ...point }: any) => point) }))

  const io = captureIo()
  await exportRun(['r', '--url', url, '--out', join(folder, 'tb')], io)
  const path = io.out().trim()
  t.equal(path, join(folder, 'tb', 'r', 'events.out.tfevents.0000000000.stopgate'), 'TensorBoard shows the name of the folder as the name of the run')
  const { records } = readRecords(path, await readFile(path), 0)
  t.equal(records.length, 4, 'the version, the start and two steps')
  t.match(readEvent(records[2]!), { wallTime: Date.parse(common.at) / 1000, step: 1, scalars: [{ tag: 'eval/a/b/exact_match', value: 0.71 }, { tag: 'eval/a/b/em_low' }] })
  await importRun([path, '--run', 'from-events', '--url', url], captureIo())
  const [events] = await suites('from-events')
  t.strictSame(events.points, (await suites('r'))[0].points.map((point: object) => ({ ...point, is_replay: false, earlier_attempts: [] })), 'except for the earlier attempts')

  const lines = captureIo()
  await exportRun(['r', '--url', url, '--out', folder, '--format', 'jsonl'], lines)
  await importRun([lines.out().trim(), '--run', 'from-lines', '--url', url], captureIo())
  t.strictSame(await suites('from-lines'), await suites('r'))
  await t.rejects(exportRun(['none', '--url', url, '--out', folder], captureIo()), { name: 'ServiceError', message: /RUN_NOT_FOUND/ })
})

t.test('a malformed command line is refused', async (t) => {
  const rejects = (args: string[], message: RegExp) => t.rejects(exportRun(args, captureIo()), { name: 'UsageError', message })
  await rejects([], /the NAME of one run/)
  await rejects(['r'], /--out FOLDER/)
  await rejects(['r', '--out', 'x', '--format', 'csv'], /--format must be/)
})
