import type { Test } from 'tap'
import type { LogLimits } from '../../src/store/log.js'
import type { RecordLimits } from '../../src/store/event-store.js'
import type { StopLimits } from '../../src/store/stop-store.js'
import type { Store } from '../../src/store/store.js'
import { auditContract } from './contract-audit.js'
import { eventContract } from './contract-event.js'
import { labelContract } from './contract-label.js'
import { learningContract } from './contract-learning.js'
import { logContract } from './contract-log.js'
import { predictorContract } from './contract-predictor.js'
import { recordContract } from './contract-record.js'
import { stateContract } from './contract-state.js'
import { replicaContract } from './contract-replica.js'
import { stopContract } from './contract-stop.js'
import { trainingContract } from './contract-training.js'

/** An empty store, and a way to crash it. */
export interface StoreUnderTest {
  readonly store: Store
  /** A second client of the same state, as another replica has; the same object where only one client is possible. */
  readonly other: Store
  /** Crashes the process that holds the state, and opens the store again. Acknowledged writes must still be there. */
  readonly crash: () => Promise<Store>
}

export interface StoreLimits extends Partial<LogLimits> {
  readonly events?: Partial<RecordLimits>
  readonly answers?: Partial<RecordLimits>
  readonly stops?: Partial<StopLimits>
}

/** Tests the laws of src/store/store.ts on one implementation. Each test gets a new store. */
export function contract (
  t: Test, openStore: (t: Test, limits?: StoreLimits) => Promise<StoreUnderTest>, options: { skip: string | false } = { skip: false }
): void {
  const parts = [
    logContract, labelContract, auditContract, learningContract, replicaContract, recordContract, stateContract, trainingContract,
    predictorContract, eventContract, stopContract,
  ]
  for (const part of parts) {
    part((name, run, limits) => t.test(name, options, async (t) => { await run(t, await openStore(t, limits)) }))
  }
}

export type Law = (name: string, run: (t: Test, storage: StoreUnderTest) => Promise<void>, options?: StoreLimits) => void
