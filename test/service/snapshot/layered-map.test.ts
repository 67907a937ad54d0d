import fc from 'fast-check'
import t from 'tap'
import { LayeredMap } from '../../../src/service/snapshot/layered-map.js'
import { holds } from '../../property.js'

const sorted = (map: ReadonlyMap<number, number>) => [...map].sort(([a], [b]) => a - b)

t.test('it equals a copy of the map that it begins as, whatever is set and deleted, and leaves that map as it is', async (t) => {
  const change = fc.record({ layer: fc.boolean(), key: fc.nat(20), value: fc.option(fc.nat(5)) })
  holds(t, fc.property(fc.array(change, { maxLength: 80 }), fc.array(fc.nat(20)), (changes, keys) => {
    let plain = new Map(keys.map((key) => [key, -key]))
    let layered = new LayeredMap(plain)
    for (const { layer, key, value } of changes) {
      if (layer) {
        const [below, was] = [layered, sorted(layered)]
        layered = new LayeredMap(layered)
        plain = new Map(plain)
        layered.set(99, 1).delete(99)
        t.same(sorted(below), was)
      }
      if (value === null) t.equal(layered.delete(key), plain.delete(key)); else layered.set(key, value) && plain.set(key, value)
      t.equal(layered.get(key), plain.get(key))
      t.equal(layered.has(key), plain.has(key))
    }
    t.same(sorted(layered), sorted(plain))
    t.equal(layered.size, plain.size)
    t.same([...layered.keys()].sort(), [...plain.keys()].sort())
    t.same([...layered.values()].sort(), [...plain.values()].sort())
    const seen = new Map<number, number>()
    layered.forEach((value, key) => seen.set(key, value))
    t.same(sorted(seen), sorted(plain))
  }))
})

t.test('many layers of changes are the same map', async (t) => {
  let map = new LayeredMap<number, number>()
  for (let i = 0; i < 1000; i++) map = new LayeredMap(map).set(i, i)
  t.equal(map.size, 1000)
  t.same(sorted(map), Array.from({ length: 1000 }, (_, i) => [i, i]))
})
