import type { Test } from 'tap'
import type { LogLimits } from '../../src/store/log-limits.js'
import type { RecordLimits } from '../../src/store/record-encoding.js'
import type { Store } from '../../src/store/store.js'
import { auditContract } from './contract-audit.js'
import { labelContract } from './contract-label.js'
import { learningContract } from './contract-learning.js'
import { logContract } from './contract-log.js'
import { predictorContract } from './contract-predictor.js'
import { recordContract } from './contract-record.js'
import { stateContract } from './contract-state.js'
import { replicaContract } from './contract-replica.js'
import { trainingContract } from './contract-training.js'

/** A store with nothing in it, on ground that can fail. */
export interface Ground {
  readonly store: Store
  /** Another client of the same state, as another replica has it; the same object where there can be only one. */
  readonly other: Store
  /** Crashes whatever keeps the state, and opens it anew: what was acknowledged must be there. */
  readonly crash: () => Promise<Store>
}

export interface GroundOptions extends Partial<LogLimits> { readonly records?: Partial<RecordLimits> }

/** The laws in src/store/store.ts, for one implementation. Each test breaks new ground. */
export function contract (
  t: Test, breakGround: (t: Test, options?: GroundOptions) => Promise<Ground>, options: { skip: string | false } = { skip: false }): void {
  const parts = [
    logContract, labelContract, auditContract, learningContract, replicaContract, recordContract, stateContract, trainingContract,
    predictorContract,
  ]
  for (const part of parts) {
    part((name, run, groundOptions) => t.test(name, options, async (t) => { await run(t, await breakGround(t, groundOptions)) }))
  }
}

export type Law = (name: string, run: (t: Test, ground: Ground) => Promise<void>, options?: GroundOptions) => void
