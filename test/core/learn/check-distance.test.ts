import t from 'tap'
import {
  addProbes, type CheckDistance, checkEveryTokens, distanceAfter, distanceForProbes, FIRST_DISTANCE,
} from '../../../src/core/learn/check-distance.js'

const after = (generations: number, probeTokens: number, start = FIRST_DISTANCE): CheckDistance =>
  Array.from({ length: generations }).reduce<CheckDistance>((distance) => addProbes(distance, 10, 10 * probeTokens), start)

t.test('checks are eight times the tokens of a probe apart, in steps of 16, at least 16 and at most 1,024', async (t) => {
  const distances = [0, 1, 2.9, 3.1, 4, 16, 128, 129, 1e9].map(distanceForProbes)
  t.same(distances, [16, 16, 16, 32, 32, 128, 1024, 1024, 1024])
})

t.test('the distance is set when the first four control generations have reported, and then stays', async (t) => {
  t.equal(after(3, 16).tokens, 16)
  t.equal(after(4, 16).tokens, 128)
  t.equal(after(1000, 1, after(16, 16)).tokens, 128, 'probes that become shorter wait for the next epoch')
})

t.test('generations without a check, or without a cost, show nothing', async (t) => {
  t.equal(addProbes(FIRST_DISTANCE, 0, 5), FIRST_DISTANCE)
  t.equal(addProbes(FIRST_DISTANCE, 5, undefined), FIRST_DISTANCE)
})

t.test('an epoch begins with the distance of the probes of late', async (t) => {
  const changed = after(400, 1, after(16, 16))
  t.equal(distanceAfter(changed).tokens, 16)
  t.equal(distanceAfter(after(400, 16)).tokens, 128)
  t.same(distanceAfter(after(3, 16)), after(3, 16), 'too few have reported')
})

t.test('a policy that states a number has it at any cost', async (t) => {
  t.equal(checkEveryTokens({ check_every_tokens: 7 }, after(16, 16)), 7)
  t.equal(checkEveryTokens({ check_every_tokens: 'auto' }, after(16, 16)), 128)
  t.equal(checkEveryTokens({ check_every_tokens: 'auto' }, undefined), 16, 'a new context')
})
