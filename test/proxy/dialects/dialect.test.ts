import t from 'tap'
import { requireAccepted } from '../../../src/proxy/dialects/dialect.js'
import { ReplyBody } from '../../../src/proxy/protocol/upstream.js'

t.test('a request that the engine refuses is an error with the beginning of the reply', async (t) => {
  const bodyOf = (text: string) => {
    const resume = () => {
      body.take(Buffer.from(text))
      body.end(null)
    }
    const body = new ReplyBody({ pause () {}, resume, abort () {}, aborted: false, paused: false, reason: null })
    return body
  }
  await requireAccepted({ status: 200, headers: [], body: bodyOf('') }, 'the answer was refused')
  const refused = requireAccepted({ status: 503, headers: [], body: bodyOf('x'.repeat(300)) }, 'the answer was refused')
  await t.rejects(refused, { message: `the answer was refused: 503 ${'x'.repeat(200)}` })
})
