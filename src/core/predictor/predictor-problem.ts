import { parseContextKey, ROOT, type Levels } from '../policy/context.js'
import { isGridLength, MIN_THRESHOLDS, MAX_THRESHOLDS, type Predictor } from './predictor.js'

/** Checks of an imported predictor that its schema cannot express. @returns the first problem found, or `null` */
export function predictorProblem (
  { name, levels, signals, contexts, grid }: Predictor, own: Levels): { path: string, message: string } | null {
  if (name === 'confidence' || name.startsWith('auto-')) {
    return { path: '/name', message: `must not be "${name}": "confidence" and names that start with "auto-" are reserved for the service` }
  }
  if (levels !== own.join()) return { path: '/levels', message: `must be "${own.join()}", the context levels of this service (CONTEXT_LEVELS)` }
  if (!Object.hasOwn(contexts, ROOT)) return { path: '/contexts', message: `must contain the root context "${ROOT}", which scores contexts that are not listed` }
  for (const [key, { weights }] of Object.entries(contexts)) {
    if (parseContextKey(own, key) === null) return { path: `/contexts/${key}`, message: 'must be a context key with the levels of this service' }
    if (weights.length === 4 + signals.length) continue
    return { path: `/contexts/${key}/weights`, message: `must be ${4 + signals.length} numbers: intercept, confidence, length, their product, and one for each signal` }
  }
  const names = new Set(signals.map(({ name }) => name))
  if (names.size < signals.length) return { path: '/signals', message: 'must name each signal only once' }
  const isFalling = grid.every((threshold, k) => k === 0 || threshold < grid[k - 1]!)
  if (!isGridLength(grid.length) || !isFalling) {
    return { path: '/grid', message: `must be ${MIN_THRESHOLDS} to ${MAX_THRESHOLDS} thresholds, each below the one before` }
  }
  return null
}
