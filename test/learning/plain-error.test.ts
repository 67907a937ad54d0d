import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import t from 'tap'
import { plainError } from '../../src/learning/plain-error.js'

class OddError extends Error {
  override name = 'OddError'
  code = 'ODD'
  retry = () => {}
}

t.test('what an error says gets through to another thread', async (t) => {
  const error = new OddError('as planned', { cause: new TypeError('below') })
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(plainError(error))
  const { message } = receiveMessageOnPort(port2) as { message: object }
  port1.close()
  t.match(message, { type: 'OddError', message: 'as planned', code: 'ODD', stack: /plain-error\.test/, cause: { type: 'TypeError', message: 'below' } })
  t.notOk('retry' in message)
})

t.test('what JSON can not hold is left out', async (t) => {
  const error = Object.assign(new Error('a'), { big: 1n, self: {} })
  error.self = error
  t.match(plainError(error), { type: 'Error', message: 'a' })
})
