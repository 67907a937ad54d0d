import t from 'tap'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { groupOf, splitGroups } from '../../../src/cli/evaluate/split-groups.js'
import { runOf } from './traces.js'

const items = Array.from({ length: 180 }, (_, i) => ({
  key: i < 120 ? 'task=a' : 'task=b', run: runOf(`g${i}`, 1, [[0.5, 1]], { group_id: `p${Math.floor(i / 2)}`, sample_index: i % 2 }),
}))
const groupsOf = (part: typeof items) => new Set(part.map(({ run }) => groupOf(run)))

t.test('whole groups are split, each context in the same shares', async (t) => {
  const { learn, certify, test } = splitGroups(items, [1, 1, 1], seededRandom(1), 0)
  t.strictSame([learn.length, certify.length, test.length], [60, 60, 60])
  for (const part of [learn, certify, test]) t.equal(part.filter(({ key }) => key === 'task=a').length, 40)
  const all = [learn, certify, test].map(groupsOf)
  t.equal(all.reduce((sum, groups) => sum + groups.size, 0), 90, 'no group is in two parts')
})

t.test('shares may differ', async (t) => {
  const { learn, certify, test } = splitGroups(items, [1, 4, 1], seededRandom(1), 3)
  t.strictSame([learn.length, certify.length, test.length], [30, 120, 30])
})

t.test('the seed decides the split', async (t) => {
  const random = seededRandom(1)
  const first = groupsOf(splitGroups(items, [1, 1, 1], random, 0).learn)
  t.notSame(groupsOf(splitGroups(items, [1, 1, 1], random, 1).learn), first)
  t.strictSame(groupsOf(splitGroups(items, [1, 1, 1], seededRandom(1), 0).learn), first)
  t.strictSame(groupsOf(splitGroups([...items].reverse(), [1, 1, 1], seededRandom(1), 0).learn), first, 'whatever the order of the lines')
})

t.test('a generation without group_id is a group of its own', async (t) => {
  t.equal(groupOf(runOf('alone', 1, [])), 'alone')
})
