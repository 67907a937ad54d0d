import t from 'tap'
import { until } from '../helper.js'
import { startRedis, withoutRedis } from '../redis-server.js'
import { CHAT, PINNED, startUnderTest } from './proxy-under-test.js'

const TITLE = 'two proxies before two replicas work as one: a group has one arm, enrols once, and each outcome counts'

t.test(TITLE, { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t)
  const sides = [
    await startUnderTest(t, { confidence: () => 0.95 }, {}, { REDIS_URL: redis.url }, 0.5),
    await startUnderTest(t, { confidence: () => 0.95 }, {}, { REDIS_URL: redis.url }, 0.5),
  ]
  const { service } = sides[0]!
  const sample = async ({ ask }: typeof sides[number], group: number): Promise<string> => {
    const headers = {
      'x-stopgate-context': 'task=pinned', 'x-stopgate-group': `g${group}`, 'x-stopgate-samples': '2', 'x-stopgate-gold': '42',
    }
    const reply = await (await ask(CHAT, headers)).json() as { stopgate: { arm: string } }
    return reply.stopgate.arm
  }
  let control = 0
  const groups = 16
  for (let group = 0; group < groups; group++) {
    const [first, second] = await Promise.all(sides.map((side) => sample(side, group)))
    t.equal(first, second, `group ${group}`)
    if (first === 'control') control++
  }
  t.ok(control > 0 && control < groups, 'both arms occur')
  const context = await until('all is learned', async () => {
    const { body } = await service.send('GET', `/v1/contexts/${PINNED}`)
    return body.generations?.treated === 2 * (groups - control) && body.follow_up.accounted === control && body
  })
  t.match(context.follow_up, { enrolled: control, accounted: control, left_out: 0, missing: 0 })
})
