import t from 'tap'
import { detectFormat } from '../../../src/cli/import-run/detect-format.js'
import { writeVersion } from '../../../src/cli/event-files/event.js'
import { frameRecord } from '../../../src/cli/event-files/tfrecord.js'

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
