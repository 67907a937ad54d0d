import t from 'tap'
import { RedisPartitions } from '../../../src/store/redis/redis-partitions.js'
import { slotOf, SLOTS } from '../../../src/store/redis/redis-slots.js'

t.test('slots are those of the specification of Redis Cluster', async (t) => {
  t.equal(slotOf('123456789'), 0x31c3) // its appendix A
  t.equal(slotOf(''), 0)
  t.equal(slotOf('foo'), 12_182) // CLUSTER KEYSLOT foo
})

t.test('partitions are spread evenly over the slots', async (t) => {
  const { tags } = new RedisPartitions({ main: {} as never, count: 64, connect: null, seeds: [] })
  t.same(tags.map((tag) => Math.floor(slotOf(tag) / (SLOTS / 64))), tags.map((_, i) => i))
})
