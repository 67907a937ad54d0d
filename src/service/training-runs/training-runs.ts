import { setImmediate, setTimeout } from 'node:timers/promises'
import { isoTime } from '../../../openapi/wire.js'
import { effectivePolicy, isWithin, parseContextKey, ROOT } from '../../core/policy/index.js'
import type { LogEntry } from '../../core/learn/index.js'
import { describeContext } from '../../core/reports/index.js'
import {
  type AddedReports, addReports, type Advice, adviceOf, type Checkpoint, type ContextCheckpoint, describeSeries, namedKey,
  type RunCheckpoint, type Series, summariseSeries, TRAINING_LIMITS, type TrainingRun,
} from '../../core/training/index.js'
import { at, InvalidInputError, type Problem, RunBusyError, RunNotFoundError } from '../../errors/errors.js'
import { inTurns } from '../../store/encoding/in-turns.js'
import { ConflictError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import { type Caller, keyAccessProblem } from '../access/context-access.js'
import { readContexts } from '../admin/context-reader.js'
import type { Config } from '../config/config.js'

export type ReportReply = Pick<AddedReports, 'reported' | 'served'>

type RunView = Awaited<ReturnType<Training['get']>>

/** The reports and views of training runs. */
export type Training = ReturnType<typeof createTraining>

/** Write attempts before a report fails because of concurrent writes by other replicas. */
const ATTEMPTS = 12
/** Longest wait between attempts, ms. */
const MAX_BACKOFF_MS = 100
/** Largest number of points per suite in a view of all suites, since serialising a reply blocks decisions. */
const MAX_POINTS_OF_EACH = 200
/** Largest number of contexts below a served context that get advice: the first by key. */
const MAX_ADVISED = 50

export function createTraining (store: Store, config: Config, now: () => number = Date.now) {
  const { levels, defaultPolicy } = config
  let last: Promise<unknown> = Promise.resolve()

  async function attempt (name: string, checkpoints: readonly Checkpoint[], by: string): Promise<ReportReply> {
    const suites = [...new Set(checkpoints.map(({ suite }) => suite))]
    const [before, policies] = await Promise.all([store.trainingRuns.read(name), store.policies()])
    const known = before === null ? [] : await store.trainingRuns.readSeries(name, suites)
    const reports = checkpoints.map((checkpoint) => ({ checkpoint, key: checkpoint.context ? namedKey(levels, checkpoint.context) : null }))
    const time = now()
    const added = addReports(before, new Map(known.map((series) => [series.suite, series])), reports, time)
    if (added.series.size > 0) {
      const tolerance = (series: Series) => effectivePolicy(defaultPolicy, policies, keyOf(series))
      const summaries = new Map(before?.suites.map((summary) => [summary.suite, summary]))
      for (const [suite, series] of added.series) summaries.set(suite, summariseSeries(series, tolerance(series)))
      const run: TrainingRun = {
        name,
        revision: Math.max((before?.revision ?? 0) + 1, time), // A run that was dropped and reported again gets a new revision.
        created_at: before?.created_at ?? time,
        updated_at: time,
        suites: [...summaries.values()],
        contexts: added.contexts,
      }
      const entries = added.served.map(({ key, step, continues }): LogEntry => ({ type: 'checkpoint', key, run: name, step, ...(continues && { continues }), by }))
      const dropped = before === null ? await toDrop() : []
      await store.trainingRuns.write({ run, from: before?.revision ?? null, series: [...added.series.values()], entries, dropped })
    }
    return { reported: added.reported, served: added.served }
  }

  async function toDrop (): Promise<TrainingRun[]> {
    const runs = await store.trainingRuns.list()
    return runs.sort((a, b) => a.updated_at - b.updated_at).slice(0, Math.max(0, runs.length - TRAINING_LIMITS.runs + 1))
  }

  /** Key of the context that the newest checkpoint names. */
  function keyOf (series: Series): string {
    const { context } = series.points.at(-1)!.attempts.at(-1)!.checkpoint
    return context === undefined ? ROOT : namedKey(levels, context)
  }

  async function advise (served: RunCheckpoint, all: readonly RunCheckpoint[], contexts: readonly string[]): Promise<Advice[]> {
    const below = contexts.filter((key) => isWithin(key, served.key) && parseContextKey(levels, key) !== null).sort()
    const keys = below.length === 0 ? [served.key] : below.slice(0, MAX_ADVISED)
    const known = await readContexts(store, config, keys)
    const named = new Map<string, ContextCheckpoint>(known.states)
    for (let i = MAX_ADVISED; i < below.length; i += MAX_ADVISED) {
      for (const [key, { checkpoint }] of await store.readContexts(below.slice(i, i + MAX_ADVISED))) named.set(key, { checkpoint })
      await setImmediate() // The embedded store answers synchronously, so yield to decisions.
    }
    return keys.map((key) => {
      const state = known.states.get(key)
      const its = below.flatMap((one) => one !== key && isWithin(one, key) ? named.get(one) ?? [] : [])
      return adviceOf(served, key, all, state && { state, view: describeContext(known, key) }, its)
    })
  }

  return {
    /** Stores reports; resolves once they are durable. @param by name of the token */
    report (name: string, checkpoints: readonly Checkpoint[], by: string): Promise<ReportReply> {
      const turn = last.then(async () => {
        for (let i = 0; i < ATTEMPTS; i++) {
          try { return await attempt(name, checkpoints, by) } catch (error) { if (!(error instanceof ConflictError)) throw error }
          await setTimeout(Math.random() * Math.min(2 ** i, MAX_BACKOFF_MS)) // A random wait avoids lockstep with another replica.
        }
        throw new RunBusyError(String(ATTEMPTS))
      })
      last = turn.catch(() => {})
      return turn
    },

    /** Why the caller may not report on the run: the run has contexts outside the prefix of its token; `null`: it may. */
    async reachProblem (name: string, caller: Caller): Promise<Problem | null> {
      if (caller.tokenPrefix === null) return null
      const run = await store.trainingRuns.read(name)
      if (run === null) return null
      const elsewhere = run.contexts.length === 0 ? [ROOT] : run.contexts.map(({ key }) => key)
      for (const key of elsewhere) {
        const problem = keyAccessProblem(caller, key, '/run')
        if (problem !== null) return { ...problem, message: `has contexts outside the prefix of token ${caller.tokenName}; choose another run name` }
      }
      return null
    },

    /** All runs, the most recently updated first. */
    async list () { return (await store.trainingRuns.list()).sort((a, b) => b.updated_at - a.updated_at) },

    /** @param last number of points of each suite to show */
    async get (name: string, last: number, suite?: string) {
      if (last > MAX_POINTS_OF_EACH && suite === undefined) {
        throw at('/querystring/last', new InvalidInputError(`/querystring/last must be <= ${MAX_POINTS_OF_EACH}, unless suite names one suite`))
      }
      const run = await store.trainingRuns.read(name)
      const suites = (run?.suites ?? []).map((summary) => summary.suite).filter((one) => suite === undefined || one === suite)
      if (run === null || suites.length === 0) throw notFound(name, suite)
      const [series, policies] = await Promise.all([store.trainingRuns.readSeries(name, suites), store.policies()])
      const views = await inTurns(series, (one) => describeSeries(one, effectivePolicy(defaultPolicy, policies, keyOf(one)), last))
      const [keys, runs] = await Promise.all([store.contextKeys(), store.trainingRuns.list()])
      const served = runs.flatMap((one) => one.contexts.map((opening): RunCheckpoint => ({ run: one.name, ...opening })))
      const contexts = []
      for (const opening of run.contexts) contexts.push({ ...opening, advice: await advise({ run: name, ...opening }, served, keys) })
      return { run, suites: views, contexts }
    },
  }
}

function notFound (name: string, suite?: string): Error {
  return new RunNotFoundError(JSON.stringify(name) + (suite === undefined ? '' : ` on suite ${JSON.stringify(suite)}`))
}

/** A run, as in the list of runs. */
export function summaryToWire ({ name, created_at, updated_at, suites, contexts }: TrainingRun) {
  return {
    run: name,
    created_at: isoTime(created_at),
    updated_at: isoTime(updated_at),
    suites,
    contexts: contexts.map(({ key }) => key),
  }
}

/** A run with its suites. */
export function runToWire ({ run, suites, contexts }: RunView) {
  return {
    run: run.name,
    created_at: isoTime(run.created_at),
    updated_at: isoTime(run.updated_at),
    suites: suites.map((suite) => ({
      ...suite,
      points: suite.points.map((point) => ({ ...point, received_at: isoTime(point.received_at) })),
    })),
    contexts: contexts.map(({ key, step, at, advice }) => ({ context: key, step, since: isoTime(at), advice })),
  }
}
