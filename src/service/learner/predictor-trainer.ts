import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { FastifyBaseLogger } from 'fastify'
import { certifyingKey, type Label } from '../../core/policy/index.js'
import {
  type EvidenceTerms, type FitResult, MAX_PREDICTORS, MIN_OF_EACH, type Predictor, type PredictorVersion, type Sample,
} from '../../core/scores/index.js'
import { FIRST_TRAINING, policyOf, type PredictorEntry, TRAINER } from '../../core/learn/index.js'
import type { Store } from '../../store/store.js'
import { createCommander } from './commander.js'
import type { LearnerState } from './fold-entries.js'
import { WITHOUT_HOOKS } from './threads.js'

/** The input of a fit, see fit-worker.ts. */
export interface Fit {
  readonly samples: readonly Sample[]
  readonly name: string
  readonly label: Label
  readonly levels: string
  readonly terms: Readonly<Record<string, EvidenceTerms>>
}

interface TrainerOptions {
  readonly store: Pick<Store, 'append' | 'predictors' | 'revision'>
  readonly log: FastifyBaseLogger
  /** Default: fits in a thread of its own, since a fit takes seconds. */
  readonly fit?: (fit: Fit, signal: AbortSignal) => Promise<Predictor | null>
}

/**
 * Trains predictors beside the learner, on the samples in its reservoir. A trained predictor is appended to the log, so that a replay finds
 * the same predictor at the same place without fitting again.
 */
export function createTrainer ({ store, log, fit = fitInThread }: TrainerOptions) {
  const closing = new AbortController()
  let running: Promise<void> | null = null
  const command = createCommander(store, { refresh: async () => {} }) // Retries if an import comes in between.
  let triedAt = 0 // Number of samples at the last attempt.

  async function train ({ ledger, reservoir, predictors }: LearnerState): Promise<void> {
    const known = await store.predictors()
    const isBehind = [...known].some(([name, { by, retired_at: end }]) => by === TRAINER && end === null && !predictors.has(name))
    if (closing.signal.aborted) return
    if (isBehind) { triedAt = 0; return } // The last trained predictor is not folded yet.
    if (!hasRoom(known)) { log.warn(NO_ROOM); return }
    const { added } = reservoir
    const samples = reservoir.samples()
    const levels = ledger.configuration.levels.join()
    const labels = [...new Set(samples.map(({ label }) => label))]
    const entries: PredictorEntry[] = []
    for (const label of labels) {
      const mine = samples.filter((sample) => sample.label === label)
      if (mine.length < FIRST_TRAINING) continue
      const name = `auto-${added}${label === 'exact_match' ? '' : `-${label}`}` // Training on the same samples again gives the same predictor.
      const predictor = await fit({ samples: mine, name, label, levels, terms: termsOf(ledger, mine, label) }, closing.signal)
      if (predictor === null) continue
      entries.push({ type: 'predictor', name, version: { predictor, created_at: Date.now(), by: TRAINER, retired_at: null }, by: TRAINER })
    }
    if (entries.length === 0) { log.info({ samples: samples.length }, NOTHING); return }
    log.info({ samples: samples.length, predictors: entries.map(({ name }) => name) }, 'trained')
    await command(async () => {
      const versions = await store.predictors()
      const room = makeRoom(versions, entries, ledger)
      if (room === null) log.warn(NO_ROOM)
      return room === null ? [] : [...room, ...entries]
    })
  }

  return {
    /** Starts training in the background if it is due and none is running. */
    consider (memory: LearnerState): void {
      const { added } = memory.reservoir
      if (running !== null || closing.signal.aborted || added < memory.ledger.train_at || added < 1.1 * triedAt) return
      triedAt = added
      running = train(memory).catch((error: unknown) => {
        if (!closing.signal.aborted) log.error({ err: error }, 'training a predictor failed; it is tried again with 10 % more samples')
      }).finally(() => { running = null })
    },
    /** Aborts a running fit; resolves when it has ended. */
    async close (): Promise<void> {
      closing.abort()
      await running
    },
  }
}

const NO_ROOM = `no predictor is trained: all ${MAX_PREDICTORS} stored predictors are in use; retire one to make room`

const NOTHING = `too few samples to train a predictor: it takes ${FIRST_TRAINING} generations of one label, ${MIN_OF_EACH} of them with a step ` +
  `where stopping loses EM and ${MIN_OF_EACH} with a step where it does not; it is tried again with 10 % more samples`

/** The terms of the contexts that gather the evidence of these samples, by leaf. A context that now counts another label has none. */
function termsOf (ledger: LearnerState['ledger'], samples: readonly Sample[], label: Label): Record<string, EvidenceTerms> {
  const { levels } = ledger.configuration
  const leaves = [...new Set(samples.map(({ leaf }) => leaf))]
  return Object.fromEntries(leaves.flatMap((leaf) => {
    const key = certifyingKey(levels, policyOf(ledger, leaf).certify_at, leaf)
    const { label: counted, max_em_drop, min_tokens } = policyOf(ledger, key)
    return counted === label ? [[leaf, { key, max_em_drop, min_tokens }]] : []
  }))
}

/** Whether there is room for another predictor, or a retired one to delete. */
function hasRoom (versions: ReadonlyMap<string, PredictorVersion>): boolean {
  return versions.size < MAX_PREDICTORS || [...versions.values()].some(({ retired_at: end }) => end !== null)
}

/**
 * Entries that make room for new predictors. They retire earlier trained predictors that no policy or pin names, and delete as many retired
 * ones as necessary: trained ones before imported ones, the oldest first. `null` if there are too few retired ones.
 */
function makeRoom (
  versions: ReadonlyMap<string, PredictorVersion>, entries: readonly PredictorEntry[], { configuration, policies, pins }: LearnerState['ledger']
): PredictorEntry[] | null {
  const inUse = new Set([configuration.defaults, ...policies.values()].map(({ score }) => score))
  for (const { scorer } of pins.values()) if (scorer !== undefined) inUse.add(scorer)
  const labels = new Set(entries.map(({ version }) => version!.predictor.label))
  const own = [...versions].filter(([name, { by }]) => by === TRAINER && !entries.some((entry) => entry.name === name))
  const idle = own.filter(([name, { predictor, retired_at: end }]) => end === null && labels.has(predictor.label) && !inUse.has(name))
  const others = [...versions].filter(([, { by }]) => by !== TRAINER)
  const retired = [...own, ...others].filter(([, { retired_at: end }]) => end !== null)
  const added = entries.filter(({ name }) => !versions.has(name)).length
  const excess = Math.max(0, versions.size + added - MAX_PREDICTORS)
  if (retired.length < excess) return null
  return [
    ...retired.slice(0, excess).map(([name]): PredictorEntry => ({ type: 'predictor', name, version: null, by: TRAINER })),
    ...idle.map(([name, version]): PredictorEntry => ({ type: 'predictor', name, version: { ...version, retired_at: Date.now() }, by: TRAINER })),
  ]
}

/** Fits in a worker thread. */
export async function fitInThread (fit: Fit, signal: AbortSignal): Promise<Predictor | null> {
  const worker = new Worker(new URL(`./fit-worker${extname(import.meta.url)}`, import.meta.url), { workerData: fit, ...WITHOUT_HOOKS })
  const end = () => { worker.terminate() }
  signal.addEventListener('abort', end)
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', (code) => { reject(new Error(`the training thread ended with code ${code}`)) })
    })
  } finally {
    signal.removeEventListener('abort', end)
  }
}

type FitOne = (fit: Fit, signal: AbortSignal) => Promise<Predictor | null>

/** Wraps a fit so that `onFit` is called with its result and duration, unless it was aborted because the service closes. */
export function timedFit (fit: FitOne, onFit: (end: FitResult) => void): FitOne {
  return async (what, signal) => {
    const startedAt = performance.now()
    let result: FitResult['result'] = 'failed'
    try {
      const predictor = await fit(what, signal)
      result = predictor === null ? 'none' : 'trained'
      return predictor
    } finally {
      if (!signal.aborted) onFit({ result, seconds: (performance.now() - startedAt) / 1000 })
    }
  }
}
