import t from 'tap'
import { withoutRedis } from '../../../redis-server.js'
import { countsOnce } from '../../../store/redis/remembered-world.js'

t.test('an outcome and its label count once, whatever is late, lost or repeated', { skip: withoutRedis }, async (t) => { await countsOnce(t, 300) })
