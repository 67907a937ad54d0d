import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { filesIn, detectFormat, tryParseJson, parseJson, parseLine } from '../../../src/cli/import-run/file-formats.js'
import { temporaryFolder } from '../../helper.js'
import { frameRecord, writeVersion } from '../event-files/write-event.js'

t.test('a folder yields the files in it that can be read, and a file yields itself', async (t) => {
  const folder = await temporaryFolder(t)
  for (const step of [5, 10]) await mkdir(join(folder, `checkpoint-${step}`))
  const names = ['checkpoint-5/trainer_state.json', 'checkpoint-10/trainer_state.json', 'ckpt-7_2026-01-31T12-00-00.123456.json', 'events.out.tfevents.1', 'events.out.tfevents.2', 'results_2026.json', 'run.jsonl', 'run.jsonl.1']
  for (const name of [...names, 'samples_gsm8k_2026.jsonl', 'config.json', 'model.safetensors']) await writeFile(join(folder, name), '')
  t.same(await filesIn(folder), names.map((name) => join(folder, name)))
  t.same(await filesIn(join(folder, 'config.json')), [join(folder, 'config.json')])
  t.same(await filesIn(join(folder, 'none'), true), [], 'it may appear later')
  await t.rejects(filesIn(join(folder, 'none')), { name: 'FileError', message: /ENOENT/ })
})

const detect = (text: string, isFinal = false, path = 'f') => detectFormat(path, Buffer.from(text), isFinal)

t.test('the content decides the format', async (t) => {
  t.equal(detectFormat('f', frameRecord(writeVersion(0)), false), 'events')
  t.equal(detect('{"step":1,"em":0.5}\n'), 'lines', 'one line with a step')
  t.equal(detect('{"em":0.5}\n{"em":0.6}\n'), 'lines', 'several documents')
  t.equal(detect('{\n  "results": {}\n}'), 'json')
  t.equal(detect('{"step": 1, "su\n{"step":2,"em":0.5}\n'), 'lines', 'a broken first line')
})

t.test('the name decides the format if the content is broken', async (t) => {
  t.equal(detect('{"step": 1, "sui', false, 'run.jsonl.1'), 'lines')
})

t.test('a file that is too short has no format until it is final', async (t) => {
  t.equal(detect('{'), null)
  t.equal(detect('{"log_history": ['), null)
  t.equal(detect(' \n', true), null, 'an empty file has no format')
  t.throws(() => detect('{"log_history": [', true), { name: 'FileError', message: /^f: truncated, or an unknown format/ })
})

t.test('NaN and Infinity become null outside of strings', async (t) => {
  t.same(parseJson('{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN, \\"Infinity\\"", "NaN": 1, "d": -1e-7}'), { a: null, b: [null, null], c: 'NaN, "Infinity"', NaN: 1, d: -1e-7 })
  t.same(parseJson('[1, "é\\\\"]'), [1, 'é\\'])
  for (const text of ['', '{"a": NaNs}', '{"a": "NaN', '{"a": nan}']) t.throws(() => parseJson(text), SyntaxError, text)
  t.same([tryParseJson('{"a": '), tryParseJson('null'), tryParseJson('[NaN]')], [undefined, null, [null]])
})

const whole = '{"step":1,"suite":"s","context":{"model":"q"},"em":0.5}'

t.test('a record is read even if half a record comes before it on its line', async (t) => {
  t.match(parseLine(whole), { step: 1 })
  for (let end = 0; end < whole.length; end++) t.match(parseLine(whole.slice(0, end) + whole.replace('1', '2')), { step: 2, context: { model: 'q' } }, `after ${end} characters`)
})

t.test('half a record is not read', async (t) => {
  for (let end = 1; end < whole.length; end++) t.equal(parseLine(whole.slice(0, end)), null, whole.slice(0, end))
  for (const text of ['', 'null', '5', 'x {"model":"q"}', '{"'.repeat(1e6)]) t.equal(parseLine(text), null, text.slice(0, 20))
})
