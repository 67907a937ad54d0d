import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { FastifyBaseLogger } from 'fastify'
import { stateIdOf } from '../../store/encoding/state-file.js'
import type { StoreLoss } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { WITHOUT_HOOKS } from '../learner/threads.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import type { ExportData, ExportResult } from './export-worker.js'

/** Exports that are kept, and other states of which the last one is kept beside them. Older ones are removed. */
const KEPT = 14
/** Bytes that hold the first line of an export. */
const HEAD = 512
/** Longest interval at which to check whether an export is due, ms. */
const CHECK_MS = 60_000
const HOUR_MS = 3_600_000
const NAME = /^stopgate-\d{8}T\d{9}Z\.jsonl$/
const WORKER = new URL('./export-worker.js', import.meta.url)

interface ExportServices {
  readonly config: Config
  readonly learner: { readonly isLeader: () => boolean }
  readonly snapshotHolder: Pick<SnapshotHolder, 'loss' | 'ageSeconds' | 'noticeLoss' | 'onMove' | 'snapshot'>
  readonly log: FastifyBaseLogger
  readonly checkMs?: number
}

export type ScheduledExports = ReturnType<typeof createScheduledExports>

/** Whether the whole state is gone, so that no earlier export may be removed. */
function isEmptied (loss: StoreLoss | null): boolean { return loss !== null && loss.kind !== 'unreadable' }

/**
 * Exports the state into a folder every few hours, on the replica that is the learner. A thread of its own reads the store, so that
 * decisions do not wait. While a loss of the whole state is not acknowledged, nothing is exported; where some contexts cannot be read,
 * exports go on, and the last one of before stays. The last export of each lost state stays, however many of the new state follow. At the
 * start, an empty store beside exports of another state is a loss, which no running replica could have seen.
 */
export function createScheduledExports ({ config, learner, snapshotHolder, log, checkMs }: ExportServices) {
  const { exportEveryHours, exportDir } = config
  const everyMs = exportEveryHours * HOUR_MS
  const folder = resolve(exportDir)
  /** Names of the exports in the folder, the oldest first. */
  let names: readonly string[] = []
  let problem: string | null = null
  let running: Promise<void> | null = null
  let isCompared = false

  /** The export to restore: the newest one, after a loss the newest one of before. */
  const restorable = (loss: StoreLoss | null) => loss === null ? names.at(-1) : names.findLast((name) => name < exportName(loss.at))

  /** Compares the last export with the store once, as soon as that is reached. */
  async function compare (): Promise<void> {
    const { stateId, version } = snapshotHolder.snapshot()
    if (isCompared || stateId === '') return
    isCompared = true
    const last = names.at(-1)
    if (version > 0 || last === undefined) return
    const before = await stateOf(join(folder, last))
    if (before === null || before === stateId) return
    log.error({ before, after: stateId }, 'the store is empty, and the last export is of another one')
    snapshotHolder.noticeLoss()
  }

  async function exportIfDue (): Promise<void> {
    names = await exportsIn(folder)
    const last = names.at(-1)
    await compare()
    const loss = snapshotHolder.loss()
    if (!learner.isLeader() || snapshotHolder.ageSeconds() === null || isEmptied(loss)) return
    if (last !== undefined && Date.now() - (await stat(join(folder, last))).mtimeMs < everyMs) return
    const name = exportName(Date.now())
    await mkdir(folder, { recursive: true })
    await removeParts(folder)
    const { stateId } = snapshotHolder.snapshot()
    const { rows, damaged } = await exportInThread({ config, file: join(folder, name), stateId })
    log.info({ file: join(folder, name), rows, damaged }, 'the state was exported')
    if (damaged > 0) log.warn({ damaged }, 'unreadable values were exported as they are, or left out')
    const others = await lastOfEach(names, (one) => stateOf(join(folder, one)), stateId)
    names = [...names, name]
    const kept = new Set([...others, restorable(loss)])
    for (const old of names.slice(0, -KEPT)) if (!kept.has(old)) await rm(join(folder, old), { force: true })
  }

  async function check (): Promise<void> {
    try {
      await exportIfDue()
      problem = null
    } catch (error) {
      problem = (error as Error).message
      log.error({ reason: problem }, 'the state could not be exported')
    }
  }

  const run = () => { running ??= check().finally(() => { running = null }) }
  const timer = everyMs === 0 ? undefined : setInterval(run, checkMs ?? Math.min(CHECK_MS, everyMs)).unref()
  const unsubscribe = snapshotHolder.onMove(() => { if (timer !== undefined && !isCompared) run() })
  if (timer !== undefined) run()

  return {
    /** Why the last export failed; `null`: it did not, or none is due. */
    problem: () => problem,
    /** The command that restores the last export, while a loss is not acknowledged the last one of before; `null`: there is none. */
    restoreCommand () {
      const name = restorable(snapshotHolder.loss())
      return name === undefined ? null : `stopgate import ${join(folder, name)} --replace`
    },
    async close () {
      clearInterval(timer)
      unsubscribe()
      await running
    },
  }
}

/** Names sort by time. */
const exportName = (time: number): string => `stopgate-${new Date(time).toISOString().replace(/[-:.]/g, '')}.jsonl`

/** Names of exports, the oldest first. */
async function exportsIn (folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => NAME.test(name)).sort()
}

/** The last export of each of the newest states but one. @param names the oldest first */
async function lastOfEach (
  names: readonly string[], stateIn: (name: string) => Promise<string | null>, except: string): Promise<ReadonlySet<string>> {
  const byState = new Map<string | null, string>()
  for (const name of [...names].reverse()) {
    const state = await stateIn(name)
    if (state !== except && !byState.has(state) && byState.size < KEPT) byState.set(state, name)
  }
  return new Set(byState.values())
}

/** The id of the state in a file; `null` where its head has none. */
async function stateOf (file: string): Promise<string | null> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD), 0, HEAD, 0)
    return stateIdOf(buffer.toString('utf8', 0, bytesRead).split('\n', 1)[0]!)
  } finally { await handle.close() }
}

/** Removes what exports left behind whose process was killed. */
async function removeParts (folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith('.part') && NAME.test(name.slice(0, -'.part'.length))) await rm(join(folder, name), { force: true })
  }
}

function exportInThread (data: ExportData): Promise<Extract<ExportResult, { rows: number }>> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { name: 'export', workerData: data, ...WITHOUT_HOOKS })
    let result: ExportResult = { error: 'the thread of the export ended early' }
    worker.on('message', (message: ExportResult) => { result = message })
    worker.on('error', ({ message }: Error) => { result = { error: message } })
    worker.once('exit', () => { if ('error' in result) reject(new Error(result.error)); else resolve(result) })
  })
}
