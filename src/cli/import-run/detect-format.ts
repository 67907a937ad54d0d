import { FileError } from '../command-line/command-error.js'
import { HEADER, isRecordFile } from '../event-files/tfrecord.js'
import { jsonOf } from './parse-json.js'

export type Format = 'events' | 'lines' | 'json'

/** A line of the samples of lm-evaluation-harness. */
const isSample = (json: unknown): boolean => 'doc_id' in Object(json) && 'filtered_resps' in Object(json)

/** Names of files of JSON lines, rotated ones included. run-folder.ts has the names of all files that a folder stands for. */
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
  const line = jsonOf(first)
  if (isSample(line)) throw new FileError(`${path}: the single answers of lm-evaluation-harness (samples): give the results_*.json beside it`)
  if (LINES.test(path)) return 'lines' // even if a killed job left only half of the first line
  if (line !== undefined && ('step' in Object(line) || text !== first.trimEnd())) return 'lines'
  if (jsonOf(text) !== undefined) return 'json'
  if (text.split('\n').some((line) => line.startsWith('{') && 'step' in Object(jsonOf(line)))) return 'lines' // after a broken first line
  if (!isFinal) return null
  throw new FileError(`${path}: truncated, or an unknown format: supported are JSON lines of checkpoints, results of lm-evaluation-harness, trainer_state.json and TensorBoard event files`)
}
