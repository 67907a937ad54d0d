import { execFile } from 'node:child_process'
import { appendFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { RunFile, readBytes } from '../../../src/cli/import-run/run-file.js'
import { temporaryFolder } from '../../helper.js'
import { frameRecord, writeEvent, writeVersion } from '../event-files/write-event.js'

const line = (step: number) => `{"step":${step},"suite":"s","em":0.5,"n":10,"tokens_mean":5}\n`
const event = (step: number) => frameRecord(writeEvent({ wallTime: 1, step, scalars: [{ tag: 'eval/s/exact_match', value: 0.5 }, { tag: 'eval/s/tokens_mean', value: 5 }] }))
const scalar = (step: number, tag: string, value: number) => frameRecord(writeEvent({ wallTime: 1, step, scalars: [{ tag: `eval/s/${tag}`, value }] }))
const steps = async (file: RunFile, isFinal = false) => (await file.read(isFinal)).map(({ draft }) => draft?.step)

t.test('complete lines are read as they are written', async (t) => {
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
  t.same(await steps(file), [9], 'a truncated file is read from the start')
  await appendFile(path, 'not json\n')
  t.same(await file.read(false), [{ place: `${path}:2`, draft: null }])
})

t.test('events are read as they are written, the last step once the file is quiet', async (t) => {
  const path = join(await temporaryFolder(t), 'events.out.tfevents.1')
  await writeFile(path, frameRecord(writeVersion(1)))
  const file = new RunFile(path, {})
  t.same(await steps(file), [])
  await appendFile(path, Buffer.concat([event(1), event(2).subarray(0, 30)]))
  t.same(await steps(file), [])
  await appendFile(path, event(2).subarray(30))
  t.same(await steps(file), [1])
  t.same(await steps(file), [2], 'complete, with all scalars of the step before')
  t.same(await steps(file), [])
  t.same(await steps(new RunFile(path, {}), true), [1, 2])
})

t.test('a pipe is refused', async (t) => {
  const path = join(await temporaryFolder(t), 'pipe')
  await promisify(execFile)('mkfifo', [path])
  await t.rejects(steps(new RunFile(path, {}), true), { name: 'FileError', message: /pipe: not a regular file/ })
})

t.test('scalars of a checkpoint may arrive in several writes at any distance', async (t) => {
  const path = join(await temporaryFolder(t), 'events.out.tfevents.1')
  await writeFile(path, scalar(1, 'exact_match', 0.5))
  const file = new RunFile(path, {})
  for (const now of [0, 2000, 4000]) t.same(await file.read(false, now), [])
  await appendFile(path, scalar(1, 'tokens_mean', 5))
  for (const now of [120_000, 122_000, 249_000]) t.same(await file.read(false, now), [], 'more scalars may come')
  t.match(await file.read(false, 251_000), [{ draft: { step: 1, em: 0.5, tokens_mean: 5 } }], 'nothing more has come')
  await appendFile(path, scalar(2, 'exact_match', 0.6))
  for (const now of [300_000, 302_000]) t.same(await file.read(false, now), [])
  await appendFile(path, scalar(2, 'tokens_mean', 6))
  t.same(await file.read(false, 304_000), [])
  t.match(await file.read(false, 306_000), [{ draft: { step: 2, em: 0.6, tokens_mean: 6 } }])
  await appendFile(path, scalar(3, 'exact_match', 0.7))
  t.same(await file.read(false, 308_000), [])
  t.match(file.finish(), [{ draft: { step: 3, em: 0.7 } }], 'finishing reads the last step')
})

t.test('damage is reported and everything before it is read', async (t) => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'events.out.tfevents.1')
  const broken = Buffer.from(event(3))
  broken[20]! ^= 1
  const problems: string[] = []
  const file = new RunFile(path, {}, { onProblem: ({ message }) => { problems.push(message) }, onNote: t.fail })
  await writeFile(path, frameRecord(writeVersion(1)).subarray(0, 5))
  t.same(await steps(file), [], 'too short to show its format')
  const odd = [Buffer.from([8, 1]), Buffer.from([255])].map(frameRecord)
  await writeFile(path, Buffer.concat([event(1), ...odd, event(2), broken, event(4)]))
  t.same(await steps(file), [1])
  t.match(problems, [/is not an event/, /is not an event/, /checksum of the record at byte/])
  t.same(await steps(file), [2])
  await rm(path)
  t.same(await steps(file), [])
  t.match(problems[3], /ENOENT/)
})

/** By an encoder that protoc generated from TensorBoard's event.proto: a histogram, the start of a session, three scalars of step 300. */
const ENCODED = {
  'simple_value, as PyTorch and tensorboardX write it': (
    'GAAAAAAAAACjf0siCQAAALB7X9pBGg1icmFpbi5FdmVudDoyRQ/3omAAAAAAAAAAKCHG2gkAAACwe1/aQRABKlMKUQoHd2VpZ2h0cypGEQAAAAAAAPA/GQAA' +
    'AAAAAAhAMhiamZmZmZm5PwAAAAAAAOA/AAAAAAAA8D86GAAAAAAAAPA/AAAAAAAA8D8AAAAAAADwP4TBUv4PAAAAAAAAAG1TKwkJAAAAsHtf2kEQAToCCAGv' +
    'Qsi7LQAAAAAAAAA8QYr7CdejALB7X9pBEKwCKh8KHQoWZXZhbC9nc204ay9leGFjdF9tYXRjaBVmZjY/b8u+ES0AAAAAAAAAPEGK+wmuRwGwe1/aQRCsAiof' +
    'Ch0KFmV2YWwvZ3NtOGsvdG9rZW5zX21lYW4VmhlLRPGAMXsjAAAAAAAAALCfd0MJhesBsHtf2kEQrAIqFQoTCgxldmFsL2dzbThrL24VAOCkRFYNGe4='),
  'tensor_content of a float, as TensorFlow 2 writes it': (
    'PgAAAAAAAADZ0kDnCQAAALB7X9pBGg1icmFpbi5FdmVudDoyUiQKInRlbnNvcmZsb3cuY29yZS51dGlsLmV2ZW50c193cml0ZXImM8tfYAAAAAAAAAAoIcba' +
    'CQAAALB7X9pBEAEqUwpRCgd3ZWlnaHRzKkYRAAAAAAAA8D8ZAAAAAAAACEAyGJqZmZmZmbk/AAAAAAAA4D8AAAAAAADwPzoYAAAAAAAA8D8AAAAAAADwPwAA' +
    'AAAAAPA/hMFS/g8AAAAAAAAAbVMrCQkAAACwe1/aQRABOgIIAa9CyLtDAAAAAAAAALGFJaAJ16MAsHtf2kEQrAIqNQozChZldmFsL2dzbThrL2V4YWN0X21h' +
    'dGNoQgoIARIAIgRmZjY/Sg0KCQoHc2NhbGFycyABV35yO0MAAAAAAAAAsYUloAmuRwGwe1/aQRCsAio1CjMKFmV2YWwvZ3NtOGsvdG9rZW5zX21lYW5CCggB' +
    'EgAiBJoZS0RKDQoJCgdzY2FsYXJzIAG7apRTOQAAAAAAAACLBzfxCYXrAbB7X9pBEKwCKisKKQoMZXZhbC9nc204ay9uQgoIARIAIgQA4KRESg0KCQoHc2Nh' +
    'bGFycyABdE0xsg=='),
  'double_val, as PyTorch writes it with new_style and double_precision': (
    'GAAAAAAAAACjf0siCQAAALB7X9pBGg1icmFpbi5FdmVudDoyRQ/3omAAAAAAAAAAKCHG2gkAAACwe1/aQRABKlMKUQoHd2VpZ2h0cypGEQAAAAAAAPA/GQAA' +
    'AAAAAAhAMhiamZmZmZm5PwAAAAAAAOA/AAAAAAAA8D86GAAAAAAAAPA/AAAAAAAA8D8AAAAAAADwP4TBUv4PAAAAAAAAAG1TKwkJAAAAsHtf2kEQAToCCAGv' +
    'Qsi7RwAAAAAAAAC6w/ubCdejALB7X9pBEKwCKjkKNwoWZXZhbC9nc204ay9leGFjdF9tYXRjaEIOCAISADIIzczMzMzM5j9KDQoJCgdzY2FsYXJzIAHQG5fz' +
    'RwAAAAAAAAC6w/ubCa5HAbB7X9pBEKwCKjkKNwoWZXZhbC9nc204ay90b2tlbnNfbWVhbkIOCAISADIIMzMzMzNjiUBKDQoJCgdzY2FsYXJzIAEtLh15PQAA' +
    'AAAAAABgSfHsCYXrAbB7X9pBEKwCKi8KLQoMZXZhbC9nc204ay9uQg4IAhIAMggAAAAAAJyUQEoNCgkKB3NjYWxhcnMgARYYphQ='),
}

t.test('event files of other writers are read', async (t) => {
  const path = join(await temporaryFolder(t), 'events.out.tfevents.1')
  for (const [name, bytes] of Object.entries(ENCODED)) {
    await writeFile(path, Buffer.from(bytes, 'base64'))
    t.match(await new RunFile(path, {}).read(true), [{ draft: { suite: 'gsm8k', step: 300, em: 0.7125, tokens_mean: 812.4, n: 1319 } }], name)
  }
  const two = Buffer.concat([writeVersion(1.5), writeEvent({ wallTime: 2.5, step: 300, scalars: [{ tag: 'eval/s/exact_match', value: 0.7 }, { tag: 'eval/s/n', value: 1319 }] })].map(frameRecord))
  t.equal(two.toString('hex'), (
    '1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c3a000000000000001295eae20900000000000004' +
    '4010ac022a2c0a190a126576616c2f732f65786163745f6d61746368153333333f0a0f0a086576616c2f732f6e1500e0a444edc5e63c'), 'the encoder of stopgate writes the same bytes')
})

t.test('NaN values and the half line of a killed job are skipped', async (t) => {
  const path = join(await temporaryFolder(t), 'run.jsonl')
  await writeFile(path, '{"step": 1, "sui' + line(1) + line(2).replace('"n"', '"em_stderr":NaN,"threshold":null,"n"'))
  t.match(await new RunFile(path, {}).read(false), [{ place: `${path}:1`, draft: { step: 1 } }, { place: `${path}:2`, draft: { step: 2, suite: 's', em: 0.5, threshold: null, n: 10, tokens_mean: 5 } }])
  const state = path.replace('run.jsonl', 'trainer_state.json')
  await writeFile(state, '{"log_history": [{"step": 1, "grad_norm": NaN}, {"step": 1, "eval_s_em": 0.5}]}')
  t.match(await new RunFile(state, {}).read(true), [{ draft: { suite: 's', step: 1, em: 0.5 } }])
})

t.test('replaced JSON is read again, and half-written JSON once it is complete', async (t) => {
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

t.test('an unsupported file is refused', async (t) => {
  const folder = await temporaryFolder(t)
  const refuses = async (content: string | Buffer, message: RegExp) => {
    const path = join(folder, 'f')
    await writeFile(path, content)
    await t.rejects(new RunFile(path, {}).read(true), { name: 'FileError', message })
  }
  await refuses('step,em\n1,0.5\n', /truncated, or an unknown format/)
  await refuses(Buffer.from([1, 0, 2, 0]), /neither JSON nor/)
  await refuses('{"a": 1}', /neither results of lm-evaluation-harness/)
  await refuses('{"results": {', /unknown format/)
  await refuses('{"results": {"a": {"acc,none": 0.5}}}', /f: no exact_match of an evaluation in there: its results are of a/)
  await refuses('{"log_history": [{"step": 1, "loss": 2}]}', /f: no exact_match of an evaluation in there: no evaluation in log_history/)
  await refuses('\n', /f: the file is empty/)
  await refuses('{"doc_id": 0, "resps": [["5"]], "filtered_resps": ["5"], "filter": "none"}\n'.repeat(30), /f: the single answers of lm-evaluation-harness/)
  await refuses(gzipSync('{"step":1}'), /compressed; gunzip it first/)
  await t.rejects(new RunFile(join(folder, 'none'), {}).read(true), { name: 'FileError', message: /ENOENT/ })
})

t.test('it reads no further than the end of the file', async (t) => {
  const path = join(await temporaryFolder(t), 'f')
  await writeFile(path, 'abcdef')
  const from = async (offset: number, most: number) => (await readBytes(path, offset, most)).toString()
  t.equal(await from(0, 100), 'abcdef')
  t.equal(await from(2, 3), 'cde')
  t.equal(await from(6, 1), '')
  t.equal(await from(9, 1), '', 'nothing beyond the end of a file that was truncated')
})
