import { readFile, stat } from 'node:fs/promises'
import { bytesOf } from './bytes-of.js'
import { readEvent, type ScalarEvent } from '../event-files/event.js'
import type { Draft, Found, Hints } from './found.js'
import { isHarnessResults, readHarnessResults } from './harness-results.js'
import { lineOf } from './line-of.js'
import { jsonOf, parseJson } from './parse-json.js'
import { FileError } from '../command-line/command-error.js'
import { HEADER, isRecordFile, LONGEST, readRecords } from '../event-files/record-file.js'
import { ScalarGroups } from './scalar-groups.js'
import { isTrainerState, readTrainerState } from './trainer-state.js'

/** How long scalars may be on their way, ms: writers hold them back for up to 120 s (flush_secs of PyTorch and TensorFlow). */
const SETTLED_MS = 130_000
/** Bytes read at a time, the longest record among them, and those of a file that is read as a whole. */
const CHUNK = LONGEST + 16
const LARGEST_JSON = 256 * 1024 * 1024
/** Lines, also when a rotation has put them aside. */
const LINES = /\.jsonl(\.\d+)?$/

type Format = 'events' | 'lines' | 'json'

/** A file that a training stack writes, read as far as it goes, and again as it grows or is replaced. */
export class RunFile {
  readonly path: string
  readonly #hints: Hints
  readonly #onProblem: (problem: FileError) => void
  #format: Format | null = null
  #offset = 0
  #line = 0
  #groups: ScalarGroups
  #seen = ''
  #inode = 0
  #changedAt = 0

  /** @param onProblem told what can't be read; the rest is */
  constructor (path: string, hints: Hints, onProblem: (problem: FileError) => void = (problem) => { throw problem }) {
    this.path = path
    this.#hints = hints
    this.#onProblem = onProblem
    this.#groups = new ScalarGroups(path)
  }

  /**
   * What is new in it.
   * @param isFinal nobody writes to it any more: what looks unfinished is taken as it is, or refused
   * @param now ms, of a clock that only goes forwards
   */
  async read (isFinal: boolean, now = performance.now()): Promise<Found[]> {
    try { return await this.#readOn(isFinal, now) } catch (error) {
      const isOfFile = error instanceof Error && 'syscall' in error
      if (!isOfFile && !(error instanceof FileError)) throw error
      this.#onProblem(isOfFile ? new FileError(`${this.path}: ${error.message}`) : error)
      return []
    }
  }

  /** What is not known to be complete, nobody looking at the file any more. */
  finish (): Found[] { return this.#groups.flush() }

  async #readOn (isFinal: boolean, now: number): Promise<Found[]> {
    const { size, mtimeMs, ino } = await stat(this.path)
    const seen = `${size} ${mtimeMs} ${ino}`
    if (seen === this.#seen) return now - this.#changedAt >= SETTLED_MS ? this.#groups.flush() : this.#groups.flushUsual()
    this.#seen = seen
    this.#changedAt = now
    if (size < this.#offset || ino !== this.#inode) this.#restart()
    this.#inode = ino
    this.#format ??= await this.#detect(isFinal)
    if (this.#format === 'events') return [...await this.#readEvents(), ...isFinal ? this.finish() : []]
    if (this.#format === 'json') return await this.#readJson(isFinal, size)
    return this.#format === null ? [] : await this.#readLines(isFinal)
  }

  /** Another file has its place: all of it again, of which the service counts nothing twice. */
  #restart (): void {
    this.#format = null
    this.#offset = 0
    this.#line = 0
    this.#groups = new ScalarGroups(this.path)
  }

  /** `null`: too little of it is there. */
  async #detect (isFinal: boolean): Promise<Format | null> {
    const start = await bytesOf(this.path, 0, CHUNK)
    if (isRecordFile(start)) return 'events'
    if (start.length < HEADER && !isFinal) return null
    if (start[0] === 0x1f && start[1] === 0x8b) throw new FileError(`${this.path}: is compressed: gunzip it first`)
    if (start.includes(0)) throw new FileError(`${this.path}: neither JSON nor a TensorBoard event file`)
    const text = start.toString()
    if (text.trim() === '') return null
    if (LINES.test(this.path)) return 'lines' // whatever a job that was killed left of the first one
    const [first = ''] = text.trimStart().split('\n', 1)
    const line = jsonOf(first)
    if (line !== undefined && ('step' in Object(line) || text.trimStart().trimEnd() !== first.trimEnd())) return 'lines'
    if (jsonOf(text) !== undefined) return 'json'
    if (text.split('\n').some((line) => line.startsWith('{') && 'step' in Object(jsonOf(line)))) return 'lines' // behind a first one that is none
    if (!isFinal) return null
    throw new FileError(`${this.path}: cut off, or not a format that is known: JSON lines of checkpoints, results of lm-evaluation-harness, trainer_state.json, TensorBoard events`)
  }

  async #readJson (isFinal: boolean, size: number): Promise<Found[]> {
    if (size > LARGEST_JSON) throw new FileError(`${this.path}: larger than ${LARGEST_JSON} bytes, which is the most of JSON that is one piece`)
    const text = await readFile(this.path, 'utf8')
    let json: unknown
    try { json = parseJson(text) } catch (error) {
      if (!isFinal) return [] // it is being written
      throw new FileError(`${this.path}: not JSON: ${(error as Error).message}`)
    }
    if (isTrainerState(json)) return readTrainerState(this.path, json, this.#hints)
    if (isHarnessResults(json)) return readHarnessResults(this.path, json, this.#hints)
    throw new FileError(`${this.path}: JSON, but neither results of lm-evaluation-harness ("results") nor a trainer_state.json ("log_history")`)
  }

  async #readEvents (): Promise<Found[]> {
    const found: Found[] = []
    for (;;) {
      const { records, consumed, problem } = readRecords(this.path, await bytesOf(this.path, this.#offset, CHUNK), this.#offset)
      this.#offset += consumed
      for (const record of records) found.push(...this.#groups.add(this.#eventOf(record)))
      if (problem !== null) this.#onProblem(problem)
      if (problem !== null || consumed === 0) return found
    }
  }

  #eventOf (record: Buffer): ScalarEvent {
    try { return readEvent(record) } catch (error) {
      this.#onProblem(new FileError(`${this.path}: a record before byte ${this.#offset} is no event: ${(error as Error).message}`))
      return { step: 0, wallTime: 0, scalars: [] }
    }
  }

  async #readLines (isFinal: boolean): Promise<Found[]> {
    const found: Found[] = []
    for (;;) {
      const bytes = await bytesOf(this.path, this.#offset, CHUNK)
      const isLast = bytes.length < CHUNK
      const end = isFinal && isLast ? bytes.length : bytes.lastIndexOf(10) + 1
      if (end === 0 && !isLast) throw new FileError(`${this.path}: a line of more than ${CHUNK} bytes`)
      this.#offset += end
      const lines = bytes.subarray(0, end).toString().split('\n')
      if (lines.at(-1) === '') lines.pop()
      for (const text of lines) found.push(...this.#readLine(text))
      if (isLast) return found
    }
  }

  #readLine (text: string): Found[] {
    const place = `${this.path}:${++this.#line}`
    if (text.trim() === '') return []
    const line = lineOf(text)
    if (line === null) return [{ place, draft: null }]
    const draft = Object.fromEntries(Object.entries(line).filter(([field, value]) => value !== null || field === 'threshold')) as Draft
    return [{ place, draft: { ...(this.#hints.suite !== undefined && { suite: this.#hints.suite }), ...draft } }]
  }
}
