import { Type } from '#typebox'
import t from 'tap'
import { check, like, orNull, time } from '../../src/store/encoding/stored-schemas.js'

t.test('a value is like an example if it has its fields, types and lengths', async (t) => {
  const isLike = check(like({ n: 1, s: '', b: true, list: [1, 2], any: [], free: null }))
  const value = { n: 2, s: 'x', b: false, list: [3, 4], any: ['x'], free: {} }
  t.ok(isLike(value))
  for (const odd of [{ n: '1' }, { s: 1 }, { b: null }, { list: [1] }, { list: [1, 2, 3] }, { list: ['x', 'y'] }, { any: 7 }]) t.notOk(isLike({ ...value, ...odd }), JSON.stringify(odd))
  for (const name of Object.keys(value)) t.notOk(isLike(Object.fromEntries(Object.entries(value).filter(([other]) => other !== name))), `without ${name}`)
})

t.test('a time has a date, and may be null where that is allowed', async (t) => {
  const isTime = check(Type.Object({ at: orNull(time) }))
  t.ok(isTime({ at: null }) && isTime({ at: 8.64e15 }))
  t.notOk(isTime({ at: 8.65e15 }))
})
