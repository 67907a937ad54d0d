import type { Checkpoint } from '../../core/training/index.js'
import { FileError } from '../command-line/command-error.js'
import type { ImportOptions } from './import-options.js'
import type { TokenCounter } from './sample-lengths.js'

/** The fields of a checkpoint that a file states; the service validates them. */
export type Draft = Partial<Checkpoint>

/** A checkpoint at a place of a file; `draft` is `null` if the place holds no JSON. */
export interface FoundCheckpoint { readonly place: string, readonly draft: Draft | null }

/** Flags that select data in the files, or supply data missing in them. */
export type Hints = Partial<ImportOptions['hints']> & { readonly countTokens?: TokenCounter | undefined }

/** Listens to the events of reading a file. */
export interface Listener {
  /** A part of the file cannot be reported; the rest is read. */
  readonly onProblem: (problem: FileError) => void
  /** Information for the user. */
  readonly onNote: (note: string) => void
}

/** Fields that a file may leave out, and their flags. */
const FLAGS = [
  ['suite', '--suite'], ['step', '--step'], ['n', '--n'], ['tokens_mean', '--tokens-metric, --tokenizer or --tokens-mean'],
] as const

/** Completes a checkpoint from the hints. @throws FileError that names the missing flags */
export function completeDraft ({ place, draft }: FoundCheckpoint, { step, n, tokensMean, isPercent = false, context }: Hints): Draft {
  if (draft === null) throw new FileError(`${place}: not JSON`)
  const complete = {
    ...(step !== undefined && { step }),
    ...(n !== undefined && { n }),
    ...(tokensMean !== undefined && { tokens_mean: tokensMean }),
    ...(context && { context }),
    ...draft,
  }
  const missing = FLAGS.filter(([field]) => complete[field] === undefined)
  if (missing.length > 0) {
    const [fields, flags] = [0, 1].map((i) => missing.map((one) => one[i]).join(', '))
    throw new FileError(`${place}: ${fields} missing${draft.suite === undefined ? '' : ` for ${draft.suite}`}: add ${flags}`)
  }
  const { em } = complete
  if (!isPercent) {
    if (em !== undefined && em > 1) throw new FileError(`${place}: an EM of ${em} is not a fraction; if it is in percent, add --percent`)
    return complete
  }
  const stated = EM_FIGURES.filter((field) => complete[field] !== undefined)
  return { ...complete, ...Object.fromEntries(stated.map((field) => [field, complete[field]! / 100])) }
}

const EM_FIGURES = ['em', 'em_stderr', 'em_estimate_low', 'em_estimate_high'] as const

/** Fields that differ between checkpoints, so that their flag fits only one checkpoint. */
const SINGLE_USE = [['step', 'step', '--step'], ['tokens_mean', 'tokensMean', '--tokens-mean']] as const

/** @throws FileError if a flag would give the same step or length to several checkpoints of a suite */
export function refuseSharedFlags (found: readonly FoundCheckpoint[], hints: Hints): void {
  for (const [field, hint, flag] of SINGLE_USE) {
    if (hints[hint] === undefined) continue
    const first = new Map<string, string>()
    for (const { place, draft } of found) {
      if (draft?.suite === undefined || draft[field] !== undefined) continue
      const other = first.get(draft.suite)
      if (other !== undefined) throw new FileError(`${flag} holds for one checkpoint, but ${draft.suite} has several without ${field}: ${other}, ${place}; import them one by one`)
      first.set(draft.suite, place)
    }
  }
}

export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

/** Names in a message, the first 20 of many. */
export function listNames (names: Iterable<string>): string {
  const all = [...names]
  return all.length <= 20 ? all.join(', ') : `${all.slice(0, 20).join(', ')} and ${all.length - 20} more`
}

/** The last second of the year 9999, the last with four digits. */
const MAX_SECONDS = 253402300799

/** Seconds since 1970 as an ISO time in `at`; nothing if out of range, as from a writer whose clock was not set. */
export function timeField (seconds: number): { at?: string } {
  return seconds >= 0 && seconds <= MAX_SECONDS ? { at: new Date(seconds * 1000).toISOString() } : {}
}
