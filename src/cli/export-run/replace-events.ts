import { appendFile, readdir, readFile, rm, stat, truncate, rename, writeFile } from 'node:fs/promises'
import { join, dirname } from 'node:path'
import { writeEvent, writeSessionStart, writeVersion, type ScalarEvent } from '../event-files/event.js'
import { frameRecord, readRecords } from '../event-files/tfrecord.js'

/** Names of our event files; TensorBoard reads a folder's files in the order of their names. */
const OURS = /^events\.out\.tfevents\.(\d{10})\.stopgate$/
const nameOf = (number: number): string => `events.out.tfevents.${String(number).padStart(10, '0')}.stopgate`

/** Age at which a replaced file is removed, ms. Boards have read on long before. */
const REMOVED_AFTER_MS = 3_600_000

/** An event, and the series that it belongs to. */
export interface SuiteEvent extends ScalarEvent { readonly suite: string }

/**
 * Makes a folder's event file hold these events. An open TensorBoard continues from its place in the file, so the content stays as it is
 * and new events are appended. Where that is not possible, a file with a later name replaces it. The replaced one stays for an hour
 * as an empty file: without the faster of its two loaders TensorBoard never gets past a file that is gone while it is the current one.
 * @returns the path of the file
 */
export async function replaceEvents (folder: string, events: readonly SuiteEvent[]): Promise<string> {
  const inOrder = events.toSorted((a, b) => a.step - b.step)
  const ours = (await readdir(folder)).filter((name) => OURS.test(name)).sort()
  const newest = ours.pop()
  const missing = newest === undefined ? null : await missingFrom(join(folder, newest), inOrder)
  const path = join(folder, missing === null ? nameOf(newest === undefined ? 0 : Number(OURS.exec(newest)![1]) + 1) : newest!)
  if (missing === null) {
    const start = Math.min(...events.map(({ wallTime }) => wallTime), Infinity)
    const wallTime = Number.isFinite(start) ? start : 0
    await replaceFile(path, framed([writeVersion(wallTime), writeSessionStart(wallTime), ...inOrder.map(writeEvent)]))
    if (newest !== undefined) ours.push(newest)
  } else if (missing.length > 0) {
    await appendFile(path, framed(missing.map(writeEvent)))
  }
  for (const name of ours) await retire(join(folder, name))
  return path
}

async function retire (path: string): Promise<void> {
  const { size, mtimeMs } = await stat(path)
  if (size > 0) await truncate(path)
  else if (Date.now() - mtimeMs > REMOVED_AFTER_MS) await rm(path)
}

const textOf = (record: Uint8Array): string => Buffer.from(record).toString('latin1')
const framed = (records: readonly Uint8Array[]): Buffer => Buffer.concat(records.map(frameRecord))

/**
 * The events that a file lacks; `null` if it cannot be continued: it is damaged, has something else, or a missing event has a step below
 * one of its series that is there, which TensorBoard would take for a restart of the training.
 */
async function missingFrom (path: string, events: readonly SuiteEvent[]): Promise<SuiteEvent[] | null> {
  const bytes = await readFile(path)
  const { records, consumed } = readRecords(path, bytes, 0)
  if (consumed < bytes.length) return null
  const held = new Set(records.slice(2).map(textOf))
  const isHeld = events.map((event) => held.has(textOf(writeEvent(event))))
  if (isHeld.filter(Boolean).length < held.size || records.length < 2) return null
  const last = new Map<string, number>()
  events.forEach(({ suite, step }, i) => { if (isHeld[i]) last.set(suite, step) })
  const missing = events.filter((_, i) => !isHeld[i])
  return missing.some(({ suite, step }) => step <= (last.get(suite) ?? -1)) ? null : missing
}

/** Writes a file whole or not at all: a reader of the path sees either the old content or all of the new. */
export async function replaceFile (path: string, content: string | Buffer): Promise<void> {
  const written = join(dirname(path), `.stopgate-${process.pid}.tmp`) // a name that no reader of the folder takes for a file of the run
  try {
    await writeFile(written, content)
    await rename(written, path)
  } catch (error) {
    await rm(written, { force: true })
    throw error
  }
}
