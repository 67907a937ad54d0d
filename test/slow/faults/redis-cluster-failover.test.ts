import t from 'tap'
import { failOver } from '../../faults/fail-over.js'
import { startCluster } from '../../faults/redis-fleet.js'
import { withoutRedis } from '../../redis-server.js'

t.test('a failover in a Cluster loses nothing that was acknowledged', { skip: withoutRedis }, (t) => failOver(t, startCluster))
