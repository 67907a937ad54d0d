import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run, reportsOf, sendReports, type ImportTotals } from '../../../src/cli/import-run/import-run.js'
import { startService } from '../../../src/app/server.js'
import { temporaryFolder, until } from '../../helper.js'
import { captureIo } from '../command-line/captured-io.js'

async function service (t: Test) {
  const folder = await temporaryFolder(t)
  const { url, close } = await startService({ env: { DATA_DIR: join(folder, 'data'), PORT: '0', LOG_LEVEL: 'silent' } })
  t.teardown(() => close())
  const get = async (name: string) => await (await fetch(`${url}/v1/training-runs/${name}`)).json() as any
  return { folder, url, get }
}

const line = (step: number, em = 0.5) => `${JSON.stringify({ step, suite: 's', em, n: 10, tokens_mean: 5 })}\n`

t.test('importing a file again adds nothing, and a rejected checkpoint is named by its line', async (t) => {
  const { folder, url, get } = await service(t)
  const file = join(folder, 'run.jsonl')
  await writeFile(file, line(1) + line(2) + line(2, 0.6))
  const report = async () => {
    const io = captureIo()
    await run([file, '--run', 'r', '--url', url, '--context', 'model=q'], io)
    return { ...JSON.parse(io.out()), notes: io.err() }
  }
  t.match(await report(), { run: 'r', accepted: 3, attempts: 1, duplicates: 0, rejected: 0, notes: /1 checkpoints were known with other figures/ })
  t.match(await report(), { accepted: 0, duplicates: 3, notes: '' })
  t.match(await get('r'), { suites: [{ steps: 2, replayed: 1 }], contexts: [{ context: 'model=q', step: 2 }] })
  await appendFile(file, line(3, -1) + line(4))
  const io = captureIo()
  await t.rejects(run([file, '--run', 'r', '--url', url, '--context', 'model=q'], io), { name: 'FileError', message: /^1 of the checkpoints could not/ })
  t.match(io.err(), `${file}:4: /em must be >= 0`)
  t.match(JSON.parse(io.out()), { accepted: 1, rejected: 1 })
})

t.test('a folder of results of lm-evaluation-harness is imported', async (t) => {
  const { folder, url, get } = await service(t)
  for (const step of [100, 200]) {
    await mkdir(join(folder, 'evals', `checkpoint-${step}`), { recursive: true })
    await writeFile(join(folder, 'evals', `checkpoint-${step}`, 'results_2026.json'), JSON.stringify({ results: { gsm8k: { 'exact_match,strict-match': 0.844, 'exact_match_stderr,strict-match': 0.016243636028391094 } } }))
  }
  const from = async (path: string, ...more: string[]) => {
    const io = captureIo()
    const message = await run([join(folder, 'evals', path), '--run', 'r', '--url', url, ...more], io).catch((error: Error) => error.message)
    return `${io.err()}${message}`
  }
  t.match(await from('.'), /step 100 is taken from checkpoint-100 in its path;(.|\n)*tokens_mean missing for gsm8k: add --tokens-metric, --tokenizer or --tokens-mean(.|\n)*2 of the checkpoints could not/)
  t.match(await from('.', '--tokens-mean', '300'), /--tokens-mean holds for one checkpoint, but gsm8k has several/)
  t.notOk((await get('r')).suites, 'nothing was sent')
  for (const step of [100, 200]) await from(`checkpoint-${step}`, '--tokens-mean', '300')
  t.match((await get('r')).suites, [{ suite: 'gsm8k', points: [{ step: 100, n: 500, tokens_mean: 300 }, { step: 200 }] }])
  t.match(await from('checkpoint-100', '--suite', 'math'), /gsm8k is left out, since --suite names math(.|\n)*no checkpoints found of math/)
  await writeFile(join(folder, 'evals', 'results_none.json'), JSON.stringify({ results: { drop: { 'f1,none': 0.5 } } }))
  t.match(await from('results_none.json'), /drop is left out: it has no exact_match, but f1,none(.|\n)*1 of the files could not be read/)
  await writeFile(join(folder, 'evals', 'samples_gsm8k_2026.jsonl'), '{"doc_id": 0, "filtered_resps": ["5"]}\n'.repeat(20))
  t.equal((await from('samples_gsm8k_2026.jsonl')).split('single answers').length, 2, 'one message')
})

t.test('an unusable line affects no other line', async (t) => {
  const { folder, url } = await service(t)
  const file = join(folder, 'run.log') // only the content shows its format
  const bad = ['starting', line(1).replace('0.5', 'NaN').trim(), '{"step":2,"em":0.5}', line(3, -1).trim()]
  await writeFile(file, bad.map((text) => `${text}\n${line(4)}`).join('') + '{"step":5}\n'.repeat(40) + line(6))
  const io = captureIo()
  await t.rejects(run([join(folder, 'none'), file, '--run', 'r', '--url', url], io), { message: /1 of the files could not be read/ })
  t.match(JSON.parse(io.out()), { accepted: 2, duplicates: 3, rejected: 44 })
  t.match(io.err(), /none: ENOENT(.|\n)*log:1: not JSON\n(.|\n)*log:5: suite, n, tokens_mean missing: add /)
  t.match(io.err(), `${file}: 24 more checkpoints could not be reported`)
  t.equal(io.err().trimEnd().split('\n').length, 22)
})

t.test('--follow reads growing and new files until it is interrupted', async (t) => {
  const { folder, url, get } = await service(t)
  const runs = join(folder, 'runs')
  const io = captureIo()
  const following = run([runs, '--run', 'r', '--url', url, '--follow', '--poll', '0.1'], io)
  const stepsAre = (count: number) => until(`${count} steps`, async () => (await get('r')).suites?.[0].steps === count)
  await mkdir(runs) // only now
  await writeFile(join(runs, 'a.jsonl'), line(1))
  await stepsAre(1)
  await appendFile(join(runs, 'a.jsonl'), 'not json\n' + line(2))
  await stepsAre(2)
  await writeFile(join(runs, 'b.jsonl'), line(3))
  await stepsAre(3)
  process.emit('SIGTERM')
  await t.rejects(following, { name: 'FileError', message: '1 of the checkpoints could not be reported: see above' })
  t.match(io.err(), 'a.jsonl:2: not JSON', 'reported, and the command went on')
  t.match(JSON.parse(io.out()), { accepted: 3, duplicates: 0, rejected: 1 })
})

t.test('a damaged or unknown file is reported once and does not stop the others', async (t) => {
  const { folder, url, get } = await service(t)
  const runs = join(folder, 'runs')
  await mkdir(runs)
  await writeFile(join(runs, 'a.jsonl'), Buffer.concat([Buffer.from(line(1)), Buffer.from('half a li')]))
  await writeFile(join(runs, 'events.out.tfevents.1'), Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]))
  await writeFile(join(runs, 'results_2026.json'), '{"a": "neither"}')
  const once = captureIo()
  await t.rejects(run([runs, '--run', 'r', '--url', url], once), { name: 'FileError', message: /2 of the files could not be read/ })
  t.match(once.err(), /neither JSON nor a TensorBoard(.|\n)*neither results(.|\n)*a.jsonl:2: not JSON/)
  t.match(JSON.parse(once.out()), { accepted: 1, rejected: 1 })
  const io = captureIo()
  const following = run([runs, '--run', 'r', '--url', url, '--follow', '--poll', '0.1'], io)
  await until('both are reported', async () => io.err().includes('neither results'))
  await appendFile(join(runs, 'events.out.tfevents.1'), 'more')
  await writeFile(join(runs, 'b.jsonl'), line(2))
  await until('the new file is read', async () => (await get('r')).suites?.[0].steps === 2)
  process.emit('SIGTERM')
  await t.rejects(following, { message: /2 of the files could not be read/ })
  t.equal(io.err().split('neither JSON nor').length, 2)
})

t.test('a malformed command line is refused', async (t) => {
  const rejects = (args: string[], message: RegExp) => t.rejects(run(args, captureIo()), { name: 'UsageError', message })
  await rejects([], /at least one FILE/)
  const folder = await temporaryFolder(t)
  await t.rejects(run([folder, '--run', 'r'], captureIo()), { name: 'FileError', message: /no checkpoints found/ })
})

const draft = { step: 1, suite: 's', em: 0.5, n: 10, tokens_mean: 5 }

t.test('an unusable checkpoint is rejected and the others are sent', async (t) => {
  const problems: string[] = []
  const found = [{ place: 'f:1', draft: null }, { place: 'f:2', draft }, { place: 'f:3', draft: { suite: 's', em: 0.5 } }]
  t.match(reportsOf(found, {}, (problem) => { problems.push(problem) }), [{ place: 'f:2', draft }])
  t.match(problems, [/f:1: not JSON/, /f:3: step, n, tokens_mean missing/])
})

t.test('if one EM is a percentage, the others are not taken for fractions', async (t) => {
  const problems: string[] = []
  const found = [0.8, 51, 0, -1].map((em, i) => ({ place: `f:${i + 1}`, draft: { ...draft, em } }))
  t.match(reportsOf(found, {}, (problem) => { problems.push(problem) }), [{ draft: { em: 0 } }])
  t.match(problems, [/f:1: an EM of 0.8 may be in percent, since f:2/, /f:2: .* --percent/, /f:4: an EM of -1/])
  t.match(reportsOf(found, { isPercent: true }, t.fail).map(({ draft: { em } }) => em), [0.008, 0.51, 0, -0.01])
})

t.test('many checkpoints go in several requests, and rejections name their place', async (t) => {
  const sizes: number[] = []
  const paths = new Set<string>()
  const client = {
    async send (_method: string, path: string, body: unknown) {
      const { checkpoints } = body as { checkpoints: unknown[] }
      sizes.push(checkpoints.length)
      paths.add(path)
      return { accepted: checkpoints.length - 1, attempts: 1, duplicates: 0, rejected: [{ index: 3, path: '/em', message: 'must be <= 1' }] }
    },
    requests: () => 0,
    close: async () => {},
  }
  const totals: ImportTotals = { accepted: 0, attempts: 0, duplicates: 0, rejected: 0 }
  const notes: string[] = []
  const refused: string[] = []
  await sendReports({
    run: 'a b',
    client,
    reports: Array.from({ length: 1200 }, (_, i) => ({ place: `f:${i}`, draft })),
    totals,
    onNote: (line) => { notes.push(line) },
    onReject: (problem) => { refused.push(problem) },
  })
  t.same(sizes, [500, 500, 200])
  t.same([...paths], ['/v1/training-runs/a%20b/checkpoints'])
  t.same(totals, { accepted: 1197, attempts: 3, duplicates: 0, rejected: 0 })
  t.match(refused, [/^f:3: \/em must/, /^f:503: /, /^f:1003: /])
  t.equal(notes.length, 3)
})
