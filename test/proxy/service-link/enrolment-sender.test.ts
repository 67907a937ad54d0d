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
