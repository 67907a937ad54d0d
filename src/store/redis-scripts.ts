import { announce } from './redis-scripts/announce.js'
import { append } from './redis-scripts/append.js'
import { commit, learned, read, revision } from './redis-scripts/learning.js'
import { acquireLease, releaseLease, renewLease } from './redis-scripts/lease.js'
import { forget, record, recorded } from './redis-scripts/records.js'
import { exportState, importState } from './redis-scripts/move-state.js'
import { writeTraining } from './redis-scripts/training.js'

/*
 * Redis runs each script alone and keeps its writes together in the append-only file, so each is one atomic step. Redis checks for lack of
 * memory, read-only mode and disk failures only at the first write of a script, so a script writes all or nothing.
 */
export const SCRIPTS = {
  announce,
  append,
  acquireLease,
  renewLease,
  releaseLease,
  learned,
  read,
  commit,
  revision,
  record,
  recorded,
  forget,
  writeTraining,
  exportState,
  importState,
} as const

export type ScriptName = keyof typeof SCRIPTS
