import { parseContextKey, ROOT, type Levels } from '../policy/context.js'
import { isGridLength, LEAST_THRESHOLDS, MOST_THRESHOLDS, type Predictor } from './predictor.js'

/** What its shape can't say about a predictor that somebody brings: where it lies and what to change, or `null`. */
export function predictorProblem (
  { name, levels, signals, contexts, grid }: Predictor, own: Levels): { path: string, message: string } | null {
  if (name === 'confidence' || name.startsWith('auto-')) {
    return { path: '/name', message: `can't be "${name}": confidence and auto-... are the service's own, take another name` }
  }
  if (levels !== own.join()) return { path: '/levels', message: `must be "${own.join()}", the levels of this service (CONTEXT_LEVELS)` }
  if (!Object.hasOwn(contexts, ROOT)) return { path: '/contexts', message: `must have the root, "${ROOT}", for contexts that it has never seen` }
  for (const [key, { weights }] of Object.entries(contexts)) {
    if (parseContextKey(own, key) === null) return { path: `/contexts/${key}`, message: 'must be a context key under the levels of this service' }
    if (weights.length === 4 + signals.length) continue
    return { path: `/contexts/${key}/weights`, message: `must be ${4 + signals.length} numbers: intercept, confidence, length, both, and one for each signal` }
  }
  const names = new Set(signals.map(({ name }) => name))
  if (names.size < signals.length) return { path: '/signals', message: 'must name each signal once' }
  const isFalling = grid.every((threshold, k) => k === 0 || threshold < grid[k - 1]!)
  if (!isGridLength(grid.length) || !isFalling) {
    return { path: '/grid', message: `must be ${LEAST_THRESHOLDS} to ${MOST_THRESHOLDS} thresholds, each below the one before` }
  }
  return null
}
