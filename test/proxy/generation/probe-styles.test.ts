import t from 'tap'
import { PROBE_STYLES, probeStyle } from '../../../src/proxy/generation/probe-styles.js'

t.test('each style finds a forced answer, and the same in what a model writes of itself', async (t) => {
  const { plain, boxed, choice, json, direct } = Object.fromEntries(PROBE_STYLES.map((name) => [name, probeStyle(name)]))
  t.equal(plain!.forced(' 42\nmore'), '42')
  t.equal(plain!.final('So it is.\n**Final answer:** 42\n'), '42')
  t.equal(plain!.final('42'), '42')
  t.equal(boxed!.forced('\\frac{1}{2}}$'), '\\frac{1}{2}')
  t.equal(boxed!.final('It is \\boxed{1}, no, \\boxed{\\frac{1}{2}}.'), '\\frac{1}{2}')
  t.equal(boxed!.final('I do not know'), '')
  t.equal(choice!.forced('B'), 'B')
  t.equal(choice!.final('A is wrong. The answer is (C).'), 'C')
  t.equal(choice!.final('B'), 'B')
  t.equal(json!.forced('"b": "}", "a": [1]} and more'), '{"a":[1],"b":"}"}')
  t.equal(json!.final('```json\n{"a": [1],\n "b": "}"}\n```'), '{"a":[1],"b":"}"}')
  t.equal(json!.forced('"a": 1'), '{"a": 1', 'a broken one is compared as text')
  t.equal(direct!.forced(' 42 '), '42')
  t.equal(direct!.suffix, '')
  t.equal(probeStyle('plain', 'Result:').suffix, 'Result:')
})
