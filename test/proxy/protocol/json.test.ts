import t from 'tap'
import { fieldOf, isJsonObject, itemsOf, numberOrNull, textOf, tokenIdsOf } from '../../../src/proxy/protocol/json.js'

t.test('values of any type are read without an error', async (t) => {
  const values = [undefined, null, 0, 5, '', 'ab', true, [], [1, 2], ['a'], {}, { name: 1 }]
  t.same(values.map(isJsonObject), values.map((_, i) => i >= 10))
  t.same(values.map((value) => fieldOf(value, 'name')), values.map((_, i) => i === 11 ? 1 : undefined))
  t.same(values.map((value) => itemsOf(value).length), [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0])
  t.same(values.map(numberOrNull), [null, null, 0, 5, null, null, null, null, null, null, null, null])
  t.same(values.map(textOf), ['', '', '0', '5', '', 'ab', 'true', '', '1,2', 'a', '[object Object]', '[object Object]'])
  t.same(values.map(tokenIdsOf), values.map((value, i) => i === 7 || i === 8 ? value : null))
})
