import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import t from 'tap'
import { serializeError } from '../../src/learning/serialize-error.js'

class OddError extends Error {
  override name = 'OddError'
  code = 'ODD'
  retry = () => {}
}

t.test('class, fields and cause of an error reach another thread', async (t) => {
  const error = new OddError('as planned', { cause: new TypeError('below') })
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(serializeError(error))
  const { message } = receiveMessageOnPort(port2) as { message: object }
  port1.close()
  t.match(message, { type: 'OddError', message: 'as planned', code: 'ODD', stack: /serialize-error\.test/, cause: { type: 'TypeError', message: 'below' } })
  t.notOk('retry' in message, 'functions are dropped')
})

t.test('fields that JSON cannot hold do not hide the error', async (t) => {
  const error = Object.assign(new RangeError('a'), { big: 1n, self: {} })
  error.self = error
  t.match(serializeError(error), { type: 'RangeError', message: 'a', stack: /serialize-error\.test/ })
})
