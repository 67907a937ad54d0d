import t from 'tap'
import { withoutPrometheus } from '../../test/slow/docker/promtool.js'
import { withoutRedis } from '../../test/redis-server.js'
import { withoutFileLimit } from '../../test/store/file-limit.js'
import { missingOf, STORES } from './drill.js'
import { FAULTS, isPlayed } from './faults.js'
import { playFault } from './play-fault.js'

/** For a machine that others keep busy. */
const LIMIT_SECONDS = 120
const WITHOUT = { embedded: withoutPrometheus || withoutFileLimit, redis: withoutPrometheus || withoutRedis }

// The faults mostly wait, so that several can be played at a time.
t.jobs = 3
for (const store of STORES) {
  for (const fault of FAULTS.filter((fault) => isPlayed(fault, store))) {
    t.test(`${fault.name} (${store}): it is said, and actions have their effect`, { skip: WITHOUT[store], buffered: true }, async (t) => {
      t.same(missingOf(await playFault(fault, store, LIMIT_SECONDS)), [])
    })
  }
}
