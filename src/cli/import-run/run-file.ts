import { readFile, stat, open } from 'node:fs/promises'
import { readEvent, type ScalarEvent } from '../event-files/event.js'
import { detectFormat, parseLine, parseJson, type Format } from './file-formats.js'
import { listNames, type Draft, type FoundCheckpoint, type Hints, type Listener } from './checkpoint-draft.js'
import { isHarnessResults, readHarnessResults, type HarnessResults } from './harness-results.js'
import { FileError } from '../command-line/command-error.js'
import { MAX_RECORD_BYTES, readRecords } from '../event-files/tfrecord.js'
import { ScalarGroups } from './scalar-groups.js'
import { isTrainerState, describeMetrics, readTrainerState } from './trainer-metrics.js'

/** After this long without a change a checkpoint is complete, ms: PyTorch and TensorFlow buffer scalars for up to 120 s (flush_secs). */
const SETTLED_MS = 130_000
/** Bytes read at a time: the longest record fits. */
const CHUNK_BYTES = MAX_RECORD_BYTES + 16
/** Largest JSON document, bytes. */
const MAX_JSON_BYTES = 256 * 1024 * 1024

const STRICT: Listener = { onProblem: (problem) => { throw problem }, onNote: () => {} }

/** A file that a training stack writes. Each read returns the lines since the last one; a replaced file is read from its start. */
export class RunFile {
  readonly path: string
  readonly #hints: Hints
  readonly #listener: Listener
  #format: Format | null = null
  #offset = 0
  #line = 0
  #groups: ScalarGroups
  #seen = ''
  #inode = 0
  #changedAt = 0
  #hasCheckpoints = false
  /** The content found instead of checkpoints, for a message; `null`: none. */
  #instead: string | null = null

  constructor (path: string, hints: Hints, listener: Listener = STRICT) {
    this.path = path
    this.#hints = hints
    this.#listener = listener
    this.#groups = new ScalarGroups(path, hints)
  }

  /**
   * The checkpoints that are new in the file.
   * @param isFinal whether the file is no longer written to: unfinished content is then used as it is, or refused
   * @param now ms, of a monotonic clock
   */
  async read (isFinal: boolean, now = performance.now()): Promise<FoundCheckpoint[]> {
    try {
      const found = this.#selected(await this.#readOn(isFinal, now))
      if (isFinal && this.#format === null && !/tfevents/.test(this.path)) throw new FileError(`${this.path}: the file is empty`)
      if (isFinal) this.#refuseEmpty()
      return found
    } catch (error) {
      const isOfFile = error instanceof Error && 'syscall' in error
      if (!isOfFile && !(error instanceof FileError)) throw error
      this.#listener.onProblem(isOfFile ? new FileError(`${this.path}: ${error.message}`) : error)
      return []
    }
  }

  /** The checkpoints that may be incomplete, for the end of following. */
  finish (): FoundCheckpoint[] {
    const found = this.#selected(this.#groups.flush())
    try { this.#refuseEmpty() } catch (error) { this.#listener.onProblem(error as FileError) }
    return found
  }

  /** The checkpoints of the suite that was asked for. */
  #selected (found: readonly FoundCheckpoint[]): FoundCheckpoint[] {
    this.#hasCheckpoints ||= found.length > 0
    const { suite: wanted } = this.#hints
    return found.filter(({ draft }) => {
      const isSelected = wanted === undefined || draft?.suite === undefined || draft.suite === wanted
      if (!isSelected) this.#listener.onNote(`${this.path}: ${draft.suite} is left out, since --suite names ${wanted}`)
      return isSelected
    })
  }

  /** @throws FileError if the file holds something, but no checkpoint */
  #refuseEmpty (): void {
    const instead = this.#format === 'events' ? this.#groups.tags() : this.#instead
    if (!this.#hasCheckpoints && instead !== null) throw new FileError(`${this.path}: no ${this.#hints.metric ?? 'exact_match'} of an evaluation in there: ${instead}`)
  }

  async #readOn (isFinal: boolean, now: number): Promise<FoundCheckpoint[]> {
    const status = await stat(this.path)
    if (!status.isFile()) throw new FileError(`${this.path}: not a regular file: write its output to a file first`)
    const { size, mtimeMs, ino } = status
    const seen = `${size} ${mtimeMs} ${ino}`
    if (seen === this.#seen) return now - this.#changedAt >= SETTLED_MS ? this.#groups.flush() : this.#groups.flushUsual()
    this.#seen = seen
    this.#changedAt = now
    if (size < this.#offset || ino !== this.#inode) this.#restart()
    this.#inode = ino
    this.#format ??= detectFormat(this.path, await readBytes(this.path, 0, CHUNK_BYTES), isFinal)
    if (this.#format === 'events') return [...await this.#readEvents(), ...isFinal ? this.#groups.flush() : []]
    if (this.#format === 'json') return await this.#readJson(isFinal, size)
    return this.#format === null ? [] : await this.#readLines(isFinal)
  }

  /** Starts again, since the file was replaced. The service counts no checkpoint twice. */
  #restart (): void {
    this.#format = null
    this.#offset = 0
    this.#line = 0
    this.#groups = new ScalarGroups(this.path, this.#hints)
  }

  async #readJson (isFinal: boolean, size: number): Promise<FoundCheckpoint[]> {
    if (size > MAX_JSON_BYTES) throw new FileError(`${this.path}: a JSON document may have at most ${MAX_JSON_BYTES} bytes`)
    const text = await readFile(this.path, 'utf8')
    let json: unknown
    try { json = parseJson(text) } catch (error) {
      if (!isFinal) return [] // still being written
      throw new FileError(`${this.path}: not JSON: ${(error as Error).message}`)
    }
    if (isTrainerState(json)) {
      this.#instead = describeMetrics(json)
      return readTrainerState(this.path, json, this.#hints)
    }
    if (isHarnessResults(json)) return await this.#readResults(json)
    throw new FileError(`${this.path}: JSON, but neither results of lm-evaluation-harness ("results") nor a trainer_state.json ("log_history")`)
  }

  async #readResults (json: HarnessResults): Promise<FoundCheckpoint[]> {
    this.#instead = `its results are of ${listNames(Object.keys(json.results))}`
    const onProblem = (problem: FileError) => {
      this.#instead = null // the problem says why there are none
      this.#listener.onProblem(problem)
    }
    return await readHarnessResults(this.path, json, this.#hints, { ...this.#listener, onProblem })
  }

  async #readEvents (): Promise<FoundCheckpoint[]> {
    const found: FoundCheckpoint[] = []
    for (;;) {
      const { records, consumed, problem } = readRecords(this.path, await readBytes(this.path, this.#offset, CHUNK_BYTES), this.#offset)
      this.#offset += consumed
      for (const record of records) found.push(...this.#groups.add(this.#eventOf(record)))
      if (problem !== null) this.#listener.onProblem(problem)
      if (problem !== null || consumed === 0) return found
    }
  }

  #eventOf (record: Buffer): ScalarEvent {
    try { return readEvent(record) } catch (error) {
      this.#listener.onProblem(new FileError(`${this.path}: a record before byte ${this.#offset} is not an event: ${(error as Error).message}`))
      return { step: 0, wallTime: 0, scalars: [] }
    }
  }

  async #readLines (isFinal: boolean): Promise<FoundCheckpoint[]> {
    const found: FoundCheckpoint[] = []
    for (;;) {
      const bytes = await readBytes(this.path, this.#offset, CHUNK_BYTES)
      const isLast = bytes.length < CHUNK_BYTES
      const end = isFinal && isLast ? bytes.length : bytes.lastIndexOf(10) + 1
      if (end === 0 && !isLast) throw new FileError(`${this.path}: a line is longer than ${CHUNK_BYTES} bytes`)
      this.#offset += end
      const lines = bytes.subarray(0, end).toString().split('\n')
      if (lines.at(-1) === '') lines.pop()
      for (const text of lines) found.push(...this.#readLine(text))
      if (isLast) return found
    }
  }

  #readLine (text: string): FoundCheckpoint[] {
    const place = `${this.path}:${++this.#line}`
    if (text.trim() === '') return []
    const line = parseLine(text)
    if (line === null) return [{ place, draft: null }]
    const draft = Object.fromEntries(Object.entries(line).filter(([field, value]) => value !== null || field === 'threshold')) as Draft
    return [{ place, draft: { ...(this.#hints.suite !== undefined && { suite: this.#hints.suite }), ...draft } }]
  }
}

/** Reads up to `most` bytes of a file from an offset. */
export async function readBytes (path: string, offset: number, most: number): Promise<Buffer> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    const bytes = Buffer.alloc(Math.max(0, Math.min(size - offset, most)))
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
