import t from 'tap'
import { EnrolmentSender } from '../../../src/proxy/service-link/enrolment-sender.js'
import { CallError } from '../../../src/proxy/service-link/service-calls.js'

t.test('draws of one context, epoch and share go in one call, and a failed call is repeated', async (t) => {
  const bodies: any[] = []
  const sender = new EnrolmentSender({
    async post (path, body) {
      bodies.push([path, body])
      if (bodies.length === 1) throw new CallError('away', null)
      return { status: 200, etag: '', body: {} }
    },
  }, () => {})
  sender.add({ model: 'm' }, 'e', 0.5, { generation_id: 'a', group_id: 'g' })
  sender.add({ model: 'm' }, 'e', 0.5, { generation_id: 'b', group_id: 'h' })
  await sender.close()
  t.match(bodies.at(-1), ['/v1/enrolments', { context: { model: 'm' }, epoch: 'e', share: 0.5, generations: [{ generation_id: 'a' }, { generation_id: 'b' }] }])
  t.equal(bodies.length, 2)
  t.equal(sender.enrolled, 2)
  t.ok(bodies[1]![1].age_ms > bodies[0]![1].age_ms, 'with its new age')
})

t.test('lists that the service refuses are given up', async (t) => {
  const problems: string[] = []
  const sender = new EnrolmentSender({ post: async () => { throw new CallError('refused', 400) } }, (problem) => { problems.push(problem) })
  sender.add({}, null, 1, { generation_id: 'a' })
  await sender.close()
  t.equal(problems.length, 1)
})

t.test('generations that need not report are counted in the same calls', async (t) => {
  const bodies: object[] = []
  const sender = new EnrolmentSender({
    async post (_path, body) {
      bodies.push(body as object)
      return { status: 200, etag: '', body: {} }
    },
  }, () => {})
  sender.add({ model: 'm' }, 'e', 0.5, { generation_id: 'a' })
  for (const stops of [0, 1]) sender.count({ model: 'm' }, 'e', 0.5, { generations: 1, steps: 2, stops })
  sender.count({ model: 'n' }, null, 1, { generations: 0, steps: 1, stops: 0 })
  await sender.close()
  t.match(bodies, [
    { context: { model: 'm' }, generations: [{ generation_id: 'a' }], unreported: { generations: 2, steps: 4, stops: 1 } },
    { context: { model: 'n' }, generations: [], unreported: { generations: 0, steps: 1, stops: 0 } },
  ])
})

t.test('a repeated call leaves out the counts, since only the reply to the first may be lost', async (t) => {
  const bodies: any[] = []
  const sender = new EnrolmentSender({
    async post (_path, body) {
      bodies.push(body)
      throw new CallError('no reply', bodies.length < 3 ? null : 400)
    },
  }, () => {})
  const unreported = { generations: 1, steps: 2, stops: 0 }
  sender.add({ model: 'm' }, 'e', 0.5, { generation_id: 'a' })
  sender.count({ model: 'm' }, 'e', 0.5, unreported)
  sender.count({ model: 'n' }, null, 1, unreported)
  await sender.close()
  t.match(bodies.map((body) => [body.context.model, body.unreported]), [['m', unreported], ['n', unreported], ['m', undefined]])
})
