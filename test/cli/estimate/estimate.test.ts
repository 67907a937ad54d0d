import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../../src/cli/estimate/estimate.js'
import { temporaryFolder } from '../../helper.js'
import { captureIo } from '../command-line/captured-io.js'
import { simulatedRuns } from '../../../src/cli/traces/simulated-runs.js'

const toLines = (lines: readonly object[]) => lines.map((line) => JSON.stringify(line) + '\n').join('')

t.test('it prints a table for each context, and a verdict as the last line', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'traces.jsonl')
  await writeFile(file, toLines([...simulatedRuns(300, 3).map(({ outcome }) => outcome), { ...simulatedRuns(1, 3)[0]!.outcome, generation_id: 'x', context: { task: 'rare' } }]))
  const json = join(folder, 'figures.json')
  const io = captureIo()
  await run([file, '--levels', 'task', '--per-second', '2', '--json', json], io)
  t.match(io.out(), /^task=choices: 100 full runs of 100 prompts, \d+ tokens each; graded\n {2}tokens saved, net of probes +\d+\.\d %/)
  t.match(io.out(), / {2}first certificate +\d+ +\(\d+ to \d+\) +generations, \d+ minutes \(/)
  t.match(io.out(), 'Left out, with too few prompts: task=rare (1).\n')
  t.match(io.out(), 'The file states no tokens of probes, so these count as free: state them with --probe-tokens.\n')
  t.match(io.out(), /\nGo on: once learned, after about \d+ generations of a context, expect to save \d.* % of the tokens \(.*\)/)
  t.match(io.out(), /, in 2 of 2 contexts almost certainly\.\n$/)
  t.match(JSON.parse(await readFile(json, 'utf8')), {
    files: [file], max_em_drop: 0.02, per_second: 2, contexts: [{ context: 'task=choices', probe_tokens: 0 }, { context: 'task=math' }], verdict: { decision: 'go_on' },
  })

  const costly = captureIo()
  await run([file, '--probe-tokens', '4', '--json', '-'], costly)
  t.match(JSON.parse(costly.out()).contexts[0], { probe_tokens: 4 })
  t.notMatch(costly.out(), 'draws')
  t.match(costly.err(), /(Go on|Cannot tell yet): .*\n$/)
})

/** A generation without EM, whose probes agree with its final answer from a step on. */
const answered = (id: string, right: number, more: object = {}) => ({
  generation_id: id,
  tokens: 420,
  answer_tokens: 20,
  answer: '42',
  steps: Array.from({ length: 10 }, (_, i) =>
    ({ tokens: 40 * (i + 1), confidence: i < right ? 0.2 : 0.9995, answer: i < right ? '7' : ' 42', probe_tokens: 1 })),
  ...more,
})

t.test('without EM or reference the final answer counts as right', async (t) => {
  const file = join(await temporaryFolder(t), 'traces.jsonl')
  await writeFile(file, toLines(Array.from({ length: 120 }, (_, i) => answered(`q${i}`, 2 + i % 3, i < 5 ? { answer: '7' } : {}))))
  const io = captureIo()
  await run([file, '--json', '-'], io)
  const [context] = JSON.parse(io.out()).contexts
  t.match(context, { label: 'agreement', generations: 120, self_agreement: null })
  t.ok(context.em_drop.estimate > 0.03 && context.em_drop.estimate < 0.06, 'five of 120 are changed by a stop')
  t.match(io.err(), 'right is what equals the final answer\n')
  t.match(io.err(), /first certificate +(none|\d+ or more) .*\n/, 'the loss of right answers is not known')
  t.match(io.err(), 'Without right answers this says how often an answer changes')

  await writeFile(file, toLines(Array.from({ length: 120 }, (_, i) => answered(`q${i}`, 2 + i % 3, { reference: i < 60 ? '42' : '41' }))))
  const graded = captureIo()
  await run([file, '--json', '-'], graded)
  t.match(JSON.parse(graded.out()).contexts[0], { label: 'exact_match' }, 'a reference is better')
})

t.test('a model that changes its own answers is to be graded instead', async (t) => {
  const file = join(await temporaryFolder(t), 'traces.jsonl')
  await writeFile(file, toLines(Array.from({ length: 60 }, (_, i) => answered(`q${i}`, 2, { group_id: `g${i % 20}`, ...(i < 20 && { answer: '7' }) }))))
  const io = captureIo()
  await run([file], io)
  t.match(io.out(), /agrees with itself +33\.3 % +of 60 pairs of full runs of one prompt end with the same answer/)
  t.match(io.out(), 'With sampling the model changes its own answers more often than 2 % allow: state "reference" or "em" in the file')
})

t.test('bad input is refused with what to change', async (t) => {
  const file = join(await temporaryFolder(t), 'traces.jsonl')
  const refuses = async (line: string, message: RegExp) => {
    await writeFile(file, line)
    await t.rejects(run([file], captureIo()), { name: 'FileError', message })
  }
  await refuses('', /no traces found/)
  await refuses('{"messages"', /traces\.jsonl:1: not JSON/)
  await refuses('{"messages": []}', /traces\.jsonl:1: /)
  await refuses(JSON.stringify(answered('q', 2, { answer: undefined })), /\/em is required, or an answer$/)
  await refuses(JSON.stringify(answered('q', 2, { steps: [{ tokens: 40, confidence: 0.5 }] })), /\/steps\/0\/em is required, or an answer at this step$/)
  await refuses(JSON.stringify(answered('q', 2, { steps: undefined })), /\/steps is required/)
  await refuses(JSON.stringify(answered('q', 2, { stopped: true })), /only full runs/)

  await writeFile(file, toLines(Array.from({ length: 3 }, (_, i) => answered(`q${i}`, 2))))
  const few = captureIo()
  await run([file], few)
  t.match(few.out(), /Left out, .*\nCannot tell yet: a context needs at least 10 prompts/)
})

t.test('a malformed command line is refused', async (t) => {
  const rejects = (args: string[], message: RegExp) => t.rejects(run(args, captureIo()), { name: 'UsageError', message })
  await rejects([], /at least one FILE/)
  await rejects(['a', '--levels', ''], /--levels/)
  await rejects(['a', '--max-em-drop', '2'], /--max-em-drop must be a number from/)
  await rejects(['a', '--per-second', '0'], /--per-second/)
  await rejects(['a', '--fast'], /--fast/)
})
