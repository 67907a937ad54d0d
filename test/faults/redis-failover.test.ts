import t from 'tap'
import { withoutRedis } from '../redis-server.js'
import { failOver } from './fail-over.js'
import { startSentinels } from './redis-fleet.js'

t.test('a failover by Sentinels loses nothing that was acknowledged', { skip: withoutRedis }, (t) => failOver(t, startSentinels))
