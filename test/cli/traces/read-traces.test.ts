import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { readRecordedRun, readTraces } from '../../../src/cli/traces/read-traces.js'
import { temporaryFolder } from '../../helper.js'

const good = { generation_id: 'a', tokens: 100, em: 1, steps: [{ tokens: 10, confidence: 0.5, em: 0 }] }

async function file (t: Test, ...lines: unknown[]) {
  const path = join(await temporaryFolder(t), 'traces.jsonl')
  await writeFile(path, lines.map((line) => typeof line === 'string' ? line : JSON.stringify(line)).join('\n'))
  return path
}

t.test('files are read one after the other', async (t) => {
  const runs = await readTraces([await file(t, good, '', { ...good, generation_id: 'b', answer_tokens: 7 }), await file(t, { ...good, generation_id: 'c' })])
  t.strictSame(runs.map(({ outcome }) => outcome.generation_id), ['a', 'b', 'c'], 'an empty line is skipped')
  t.match(runs[1], { tokens: 100, answerTokens: 7, em: 1, steps: [{ tokens: 10, confidence: 0.5, em: 0 }] })
})

t.test('a compressed file is read as it is, and a damaged or absent one is reported', async (t) => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'traces.jsonl.gz')
  const bytes = gzipSync(JSON.stringify(good) + '\n')
  await writeFile(path, bytes)
  t.equal((await readTraces([path]))[0]!.outcome.generation_id, 'a')
  await writeFile(path, bytes.subarray(0, -9))
  await t.rejects(readTraces([path]), { message: /traces\.jsonl\.gz: unexpected end of file/ })
  await t.rejects(readTraces([join(folder, 'absent.gz')]), { message: /absent\.gz: ENOENT/ })
})

t.test('answers are graded against the reference as the service does', async (t) => {
  const run = readRecordedRun('x:1', JSON.stringify({
    generation_id: 'a', tokens: 100, answer: '1,024', reference: ['1024'], steps: [{ tokens: 10, confidence: 0.5, answer: '7' }, { tokens: 20, confidence: null, answer: '$1024' }],
  }))
  t.equal(run.em, 1)
  t.strictSame(run.steps.map(({ em }) => em), [0, 1])
})

t.test('a line that cannot be replayed is reported with its place and a remedy', async (t) => {
  const cases: [unknown, RegExp][] = [
    ['{"generation_id"', /traces\.jsonl:2: not JSON: /],
    ['[]', /traces\.jsonl:2: the line must be object/],
    [{ ...good, tokens: -1 }, /traces\.jsonl:2: \/tokens must be >= 0/],
    [{ ...good, em: undefined }, /:2: \/em is required, or an answer with a reference/],
    [{ ...good, em: undefined, answer: 'x' }, /:2: \/em is required, or an answer with a reference/],
    [{ ...good, steps: undefined }, /:2: \/steps is required: all steps/],
    [{ ...good, steps: [{ tokens: 10, confidence: 0.5 }] }, /:2: \/steps\/0\/em is required, or an answer at this step/],
    [{ ...good, steps: [{ tokens: 10, confidence: 1.5, em: 1 }] }, /:2: \/steps\/0\/confidence must be <= 1/],
    [{ ...good, steps: [{ tokens: 20, confidence: 0.5, em: 1 }, ...good.steps] }, /:2: \/steps\/1\/tokens .*order/],
    [{ ...good, stopped: true }, /:2: \/stopped is true, but only full runs/],
    [{ ...good, steps_complete: false }, /:2: \/steps_complete is false, but only complete/],
    [{ ...good, colour: 'red' }, /:2: \/colour is not a known field/],
    [{ ...good, generation_id: 'first' }, /:2: generation_id "first" is already used at .*traces\.jsonl:1/],
  ]
  for (const [line, message] of cases) {
    await t.rejects(readTraces([await file(t, { ...good, generation_id: 'first' }, line)]), { name: 'FileError', message }, String(message))
  }
})

t.test('files without traces are refused', async (t) => {
  const empty = await file(t, '', '')
  await t.rejects(readTraces([empty]), { name: 'FileError', message: `${empty}: no traces found` })
  await t.rejects(readTraces(['/nowhere.jsonl']), { name: 'FileError', message: /\/nowhere\.jsonl: ENOENT/ })
})
