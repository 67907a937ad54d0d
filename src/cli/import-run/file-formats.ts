import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError } from '../command-line/command-error.js'
import { HEADER, isRecordFile } from '../event-files/tfrecord.js'

/** Names of supported files; run.jsonl.1 is a rotated run.jsonl. */
const NAMES = [/tfevents/, /^results.*\.json$/, /_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d[.\d]*\.json$/, /^trainer_state\.json$/, /\.jsonl(\.\d+)?$/]
/** The single answers of lm-evaluation-harness. */
const OTHERS = /^samples_/
/** Sorts checkpoint-500 before checkpoint-1000, so that newer checkpoints are reported later. */
const { compare } = new Intl.Collator('en', { numeric: true })

/**
 * The file, or the supported files below a folder, sorted by name: the names of event files start with their time.
 * @param mayCome whether a missing file is allowed, since it may still appear
 * @throws FileError
 */
export async function filesIn (path: string, mayCome = false): Promise<string[]> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (mayCome && error.code === 'ENOENT') return null
    throw new FileError(`${path}: ${error.message}`)
  })
  if (status === null) return []
  if (!status.isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && NAMES.some((name) => name.test(entry.name)) && !OTHERS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name)).sort(compare)
}

export type Format = 'events' | 'lines' | 'json'

/** A line of the samples of lm-evaluation-harness. */
const isSample = (json: unknown): boolean => 'doc_id' in Object(json) && 'filtered_resps' in Object(json)

/** Names of files of JSON lines, rotated ones included. */
const LINES = /\.jsonl(\.\d+)?$/

/**
 * The format of a file by its content; `null` if there is too little of it yet.
 * @param start the file's first bytes
 * @param isFinal whether the file is no longer written to
 * @throws FileError for a format that is not supported
 */
export function detectFormat (path: string, start: Buffer, isFinal: boolean): Format | null {
  if (isRecordFile(start)) return 'events'
  if (start.length < HEADER && !isFinal) return null
  if (start[0] === 0x1f && start[1] === 0x8b) throw new FileError(`${path}: compressed; gunzip it first`)
  if (start.includes(0)) throw new FileError(`${path}: neither JSON nor a TensorBoard event file`)
  const text = start.toString().trim()
  if (text === '') return null
  const [first = ''] = text.split('\n', 1)
  const line = tryParseJson(first)
  if (isSample(line)) throw new FileError(`${path}: the single answers of lm-evaluation-harness (samples): give the results_*.json beside it`)
  if (LINES.test(path)) return 'lines' // even if a killed job left only half of the first line
  if (line !== undefined && ('step' in Object(line) || text !== first.trimEnd())) return 'lines'
  if (tryParseJson(text) !== undefined) return 'json'
  if (text.split('\n').some((line) => line.startsWith('{') && 'step' in Object(tryParseJson(line)))) return 'lines' // after a broken first line
  if (!isFinal) return null
  throw new FileError(`${path}: truncated, or an unknown format: supported are JSON lines of checkpoints, results of lm-evaluation-harness, trainer_state.json and TensorBoard event files`)
}

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g

/** Parses JSON, also as Python writes it: `NaN` and `Infinity`, which JSON lacks, are read as `null`. @throws SyntaxError */
export function parseJson (text: string): unknown {
  try { return JSON.parse(text) } catch {
    return JSON.parse(text.replace(STRING_OR_NUMBER, (found) => found.startsWith('"') ? found : 'null'))
  }
}

/** The value of a JSON text; `undefined` if it is not valid. */
export function tryParseJson (text: string): unknown {
  try { return parseJson(text) } catch { return undefined }
}

/** Longest line that is searched for a second record, characters. */
const MAX_SEARCHED_CHARACTERS = 65536

/**
 * The record of a line; `null` if there is none. A killed job may leave half a record without a line break, and write the next record right
 * after it when it resumes; that next record is returned.
 */
export function parseLine (text: string): object | null {
  for (let at = 0; at !== -1; at = text.length > MAX_SEARCHED_CHARACTERS ? -1 : text.indexOf('{"', at + 1)) {
    const json = tryParseJson(text.slice(at))
    if (typeof json === 'object' && json !== null && (at === 0 || 'step' in json)) return json
  }
  return null
}
