import t from 'tap'
import { actionOf, canonicalText, statedAction, ToolCallParts, toolCallsOf } from '../../../src/proxy/protocol/action.js'

const call = (name: string, args: string) => ({ name, arguments: args })

t.test('JSON is equal whatever its spaces, the order of its keys, and the spelling of its numbers', async (t) => {
  t.equal(canonicalText(' {"b": 1.0, "a": [1e2, "1.0 "]} '), '{"a":[100,"1.0 "],"b":1}')
  t.equal(canonicalText('{"a":-0,"b":0.50}'), '{"a":0,"b":0.5}')
  t.equal(canonicalText('{"\\u0061":"\\"3\\""}'), '{"a":"\\"3\\""}')
  t.equal(canonicalText('12345678901234567890'), '12345678901234567890')
  t.not(canonicalText('{"id":12345678901234567890}'), canonicalText('{"id":12345678901234567891}'), 'ids beyond the numbers of JavaScript differ')
  t.equal(canonicalText(' not JSON '), 'not JSON')
  t.equal(canonicalText('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}')
})

t.test('calls are a set of names and arguments, and without calls the content counts', async (t) => {
  const [a, b] = [call('f', '{"x": 1}'), call('g', '{}')]
  t.equal(actionOf('said before', [a, b]), actionOf('', [b, call('f', '{"x":1.0}')]))
  t.not(actionOf('', [a]), actionOf('', [a, a]))
  t.not(actionOf('', [a]), actionOf('', [call('g', '{"x":1}')]))
  t.equal(actionOf(' 42 ', []), '42')
  t.equal(actionOf('', [call('f', 'broken {')]), 'f broken {')
})

t.test('a right answer is stated as a call, a list of calls, or the content', async (t) => {
  t.equal(statedAction('{"name":"f","arguments":{"x":1.0,"id":12345678901234567890}}'), 'f {"id":12345678901234567890,"x":1}')
  t.equal(statedAction('[{"name":"g","arguments":{}},{"name":"f","arguments":{"x":1}}]'), 'f {"x":1}\ng {}')
  const call = { id: '1', type: 'function', function: { name: 'f', arguments: '{"x": 1.0}' } }
  for (const stated of [call, [call], { role: 'assistant', tool_calls: [call] }]) t.equal(statedAction(JSON.stringify(stated)), 'f {"x":1}')
  t.equal(statedAction('{"name":"f","parameters":{}}'), 'f {}')
  t.equal(statedAction('{"level": 3}'), '{"level":3}')
  t.equal(statedAction('42'), '42')
})

t.test('calls are put together from the deltas of a stream', async (t) => {
  const parts = new ToolCallParts()
  parts.add([{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{' } }])
  parts.add([{ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } }, { index: 0, function: { arguments: '"x":1}' } }, null])
  t.same(parts.whole(), [
    { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
    { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
  ])
  t.same(toolCallsOf(parts.whole()), [call('f', '{"x":1}'), call('g', '{}')])
  t.same(toolCallsOf('nonsense'), [])
})
