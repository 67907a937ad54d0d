import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { stopsOf, type Em } from '../../../src/core/certificate/stops.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { isProbeDue } from '../../../src/core/decide/probe.js'
import { holds } from '../../property.js'

const rule = { mode: 'enforce', minTokens: 0, trials: [] } as const

interface Asked { readonly tokens: number, readonly score: number | null }

const score = fc.oneof(
  fc.constantFrom(...GRID), // ties
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0.99, max: 1, noNaN: true }),
  fc.constant(null)
)
const generation = fc.record({
  asked: fc.array(fc.record({ tokens: fc.nat({ max: 100 }), score }), { maxLength: 12 })
    .map((asked) => asked.sort((a, b) => a.tokens - b.tokens)),
  minTokens: fc.nat({ max: 60 }),
})

/** The steps at which a worker that follows the reply probes. */
function probedAt (asked: readonly Asked[], minTokens: number): Set<Asked> {
  const probed = new Set<Asked>()
  let highest: number | null = null
  for (const step of asked) {
    if (!isProbeDue({ ...rule, minTokens }, 'control', { tokens: step.tokens, probed_score: highest }, step.score)) continue
    probed.add(step)
    highest = Math.max(highest ?? 0, step.score!)
  }
  return probed
}

function unprobed (asked: readonly Asked[], probed: ReadonlySet<Asked>, minTokens: number): number {
  const steps = asked.map((step) => probed.has(step) ? { ...step, em: 1 as Em } : step)
  return stopsOf({ tokens: 200, answerTokens: 0, em: 1, steps, isComplete: true }, minTokens).filter(({ isUnprobed }) => isUnprobed).length
}

t.test('probing when asked leaves no threshold unprobed and makes no useless probe', async (t) => {
  let probes = 0
  holds(t, fc.property(generation, ({ asked, minTokens }) => {
    const probed = probedAt(asked, minTokens)
    assert.equal(unprobed(asked, probed, minTokens), 0)
    for (const one of probed) {
      const others = new Set(probed)
      others.delete(one)
      assert.ok(unprobed(asked, others, minTokens) > 0)
    }
    probes += probed.size
  }), 1000)
  t.ok(probes > 1000, `${probes} probes`)
})

t.test('a probe is due at a threshold that no earlier probe has reached', async (t) => {
  const due = (score: number | null, probed_score?: number | null) => isProbeDue(rule, 'control', { tokens: 10, ...(probed_score !== undefined && { probed_score }) }, score)
  t.equal(due(GRID[5]!), true)
  t.equal(due(GRID[5]!, null), true)
  t.equal(due(GRID[5]!, GRID[6]!), true)
  t.equal(due(GRID[5]!, GRID[5]!), false)
  t.equal(due(GRID[5]! - 1e-9, GRID[6]!), false, 'between two thresholds')
  t.equal(due(GRID.at(-1)! - 1e-9), false, 'below them all')
  t.equal(due(null), false)
})

t.test('no probe is due where it could teach nothing', async (t) => {
  const step = { tokens: 10 }
  t.equal(isProbeDue(rule, 'control', step, 1), true)
  t.equal(isProbeDue(rule, 'treated', step, 1), false)
  t.equal(isProbeDue({ ...rule, mode: 'off' }, 'control', step, 1), false)
  t.equal(isProbeDue({ ...rule, mode: 'shadow' }, 'control', step, 1), true)
  t.equal(isProbeDue({ ...rule, minTokens: 11 }, 'control', step, 1), false)
  t.equal(isProbeDue({ ...rule, minTokens: 10 }, 'control', step, 1), true)
  t.equal(isProbeDue(rule, 'control', { ...step, em: 0 }, 1), false, 'it came with the step')
  t.equal(isProbeDue(rule, 'control', { ...step, answer: '' }, 1), false)
})
