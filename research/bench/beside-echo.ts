import { measure, SINGLE, startEcho } from './decision-figures.js'
import { spreadOf, type Figure } from './figure.js'
import type { Load } from './load.js'
import { end, type Generator } from './processes.js'

/** A reply to a decision. */
const REPLY = {
  decision: 'continue',
  threshold: null,
  score: 0.5,
  scorer: 'confidence',
  reason: 'no_threshold',
  would_stop: false,
  arm: 'treated',
  context: 'model=m,task=t',
  scope: 'none',
  guarantee: null,
  next_check_tokens: 64,
  probe: false,
  snapshot_version: 1,
  stale: false,
  warnings: [],
}

/**
 * Divides figures in microseconds of processor time by what a bare Fastify echo of a single decision takes just before and after them.
 * The same cores differ by a factor of two and more from day to day, and the ratio does not.
 */
export async function besideEcho (generator: Generator, load: Load, figuresInMicroseconds: () => Promise<Figure[]>): Promise<Figure[]> {
  const echo = await startEcho(SINGLE, REPLY)
  await measure(generator, echo, SINGLE, load.warmUpMs)
  const timeEcho = async () => (await measure(generator, echo, SINGLE, 2 * load.windowMs)).cpuUs
  const before = await timeEcho()
  const figures = await figuresInMicroseconds()
  const times = [before, await timeEcho()]
  await end(echo.child)
  const mean = (times[0]! + times[1]!) / 2
  return [
    ...figures.map((figure) => figure.unit === 'us' ? { ...figure, ratio: spreadOf(Object.values(figure.value).map((value) => value / mean)) } : figure),
    { name: 'echo of a single decision, before and after: processor a request', unit: 'us', value: spreadOf(times) },
  ]
}
