import { Counter, type Registry } from 'prom-client'
import type { Corrupted } from '../logging/report-corruption.js'
import { CUT_CAUSES } from './cut-causes.js'

const CORRUPTED: readonly Corrupted[] = ['entry', 'ledger', 'pending', 'samples', 'predictors', 'audit', 'history', 'runs']

export function countCorrupted (registers: Registry[]): (what: Corrupted, count: number) => void {
  const counter = new Counter({
    name: 'stopgate_damaged_total',
    help: 'Unreadable items in the store that were left out: entry (of the log), ledger, pending (waiting outcome), samples, predictors, audit (trail), history (counted once in each process that reads the row), runs (of training)',
    labelNames: ['what'] as const,
    registers,
  })
  for (const what of CORRUPTED) counter.inc({ what }, 0)
  return (what, count) => { counter.inc({ what }, count) }
}

export function countCuts (registers: Registry[]): Counter<'cause'> {
  const counter = new Counter({
    name: 'stopgate_connections_cut_total',
    help: 'Connections closed because of what the client did: pipelined (more than 32 requests waiting), unread (read nothing for 90 s), ' +
      'timeout (request not complete after 30 s), headers (too large), malformed (not HTTP)',
    labelNames: ['cause'] as const,
    registers,
  })
  for (const cause of CUT_CAUSES) counter.inc({ cause }, 0)
  return counter
}

/** A counter that shows every result from the start, so that the first increase is visible. */
export function resultCounter (registers: Registry[], name: string, help: string, results: readonly string[]): Counter<'result'> {
  const counter = new Counter({ name, help, labelNames: ['result'] as const, registers })
  for (const result of results) counter.inc({ result }, 0)
  return counter
}
