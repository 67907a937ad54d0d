import { open, readFile, stat } from 'node:fs/promises'
import { readEvent } from './event.js'
import type { Draft, Found, Hints } from './found.js'
import { isHarnessResults, readHarnessResults } from './harness-results.js'
import { jsonOf, parseJson } from './parse-json.js'
import { ImportError, isRecordFile, readRecords } from './record-file.js'
import { ScalarGroups } from './scalar-groups.js'
import { isTrainerState, readTrainerState } from './trainer-state.js'

type Format = 'events' | 'lines' | 'json'

/** A file that a training stack writes, read as far as it goes, and again as it grows or is replaced. */
export class RunFile {
  readonly path: string
  readonly #hints: Hints
  #format: Format | null = null
  #offset = 0
  #line = 0
  #groups: ScalarGroups
  #seen = ''
  #inode = 0

  constructor (path: string, hints: Hints) {
    this.path = path
    this.#hints = hints
    this.#groups = new ScalarGroups(path)
  }

  /**
   * What is new in it.
   * @param isFinal nobody writes to it any more: what looks unfinished is taken as it is, or refused
   * @throws ImportError
   */
  async read (isFinal: boolean): Promise<Found[]> {
    const { size, mtimeMs, ino } = await stat(this.path).catch((error: Error) => { throw new ImportError(`${this.path}: ${error.message}`) })
    const seen = `${size} ${mtimeMs} ${ino}`
    if (seen === this.#seen) return this.#groups.flush() // quiet since the last look
    this.#seen = seen
    if (size < this.#offset || ino !== this.#inode) this.#restart()
    this.#inode = ino
    this.#format ??= await this.#detect(isFinal)
    const found = this.#format === null ? [] : this.#format === 'json' ? await this.#readJson(isFinal) : await this.#readNew(isFinal)
    return isFinal ? [...found, ...this.#groups.flush()] : found
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
    const start = await this.#bytesFrom(0)
    if (isRecordFile(start)) return 'events'
    if (start.includes(0)) throw new ImportError(`${this.path}: neither JSON nor a TensorBoard event file`)
    const text = start.toString()
    if (text.trim() === '') return null
    if (this.path.endsWith('.jsonl')) return 'lines' // whatever a job that was killed left of the first one
    const [first = ''] = text.trimStart().split('\n', 1)
    const line = jsonOf(first)
    if (line !== undefined && ('step' in Object(line) || text.trimStart().trimEnd() !== first.trimEnd())) return 'lines'
    if (jsonOf(text) !== undefined) return 'json'
    if (!isFinal) return null
    throw new ImportError(`${this.path}: not a format that is known: JSON lines of checkpoints, results of lm-evaluation-harness, trainer_state.json, TensorBoard events`)
  }

  async #readJson (isFinal: boolean): Promise<Found[]> {
    const text = await readFile(this.path, 'utf8')
    let json: unknown
    try { json = parseJson(text) } catch (error) {
      if (!isFinal) return [] // it is being written
      throw new ImportError(`${this.path}: not JSON: ${(error as Error).message}`)
    }
    if (isTrainerState(json)) return readTrainerState(this.path, json, this.#hints)
    if (isHarnessResults(json)) return readHarnessResults(this.path, json, this.#hints)
    throw new ImportError(`${this.path}: JSON, but neither results of lm-evaluation-harness ("results") nor a trainer_state.json ("log_history")`)
  }

  async #readNew (isFinal: boolean): Promise<Found[]> {
    const bytes = await this.#bytesFrom(this.#offset)
    if (this.#format === 'events') {
      const { records, consumed } = readRecords(this.path, bytes, this.#offset)
      this.#offset += consumed
      return records.flatMap((record) => this.#groups.add(readEvent(record)))
    }
    const end = isFinal ? bytes.length : bytes.lastIndexOf(10) + 1
    this.#offset += end
    const lines = bytes.subarray(0, end).toString().split('\n')
    if (lines.at(-1) === '') lines.pop()
    return lines.flatMap((text) => this.#readLine(text))
  }

  #readLine (text: string): Found[] {
    const place = `${this.path}:${++this.#line}`
    if (text.trim() === '') return []
    const line = jsonOf(text)
    if (typeof line !== 'object' || line === null) return [{ place, draft: null }]
    const draft = Object.fromEntries(Object.entries(line).filter(([field, value]) => value !== null || field === 'threshold')) as Draft
    return [{ place, draft: { ...(this.#hints.suite !== undefined && { suite: this.#hints.suite }), ...draft } }]
  }

  async #bytesFrom (offset: number): Promise<Buffer> {
    const handle = await open(this.path)
    try {
      const { size } = await handle.stat()
      const bytes = Buffer.alloc(Math.max(0, size - offset))
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset)
      return bytes.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  }
}
