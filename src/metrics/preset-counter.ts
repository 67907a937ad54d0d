import { Counter, type Registry } from 'prom-client'

/** A counter that shows every value of its label from the start, so that the first increase is visible. */
export function presetCounter<L extends string> (
  registers: Registry[], name: string, help: string, label: L, values: readonly string[]): Counter<L> {
  const counter = new Counter({ name, help, labelNames: [label], registers })
  for (const value of values) counter.labels(value).inc(0)
  return counter
}
