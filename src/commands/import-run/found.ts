import type { Checkpoint } from '../../core/training/checkpoint.js'
import { FileError } from '../command-line/command-error.js'

/** What a file says of a checkpoint; the service judges whether that is enough and makes sense. */
export type Draft = Partial<Checkpoint>

/** `null`: what is there is not JSON. */
export interface Found { readonly place: string, readonly draft: Draft | null }

/** What the command line says where a file does not. */
export interface Hints {
  readonly suite?: string | undefined
  readonly step?: number | undefined
  readonly n?: number | undefined
  readonly tokensMean?: number | undefined
  /** Of lm-evaluation-harness, where there are several. */
  readonly filter?: string | undefined
  /** EM is in percent. */
  readonly isPercent?: boolean | undefined
  readonly context?: Readonly<Record<string, string>> | undefined
}

/** What a file may leave out, and how the command line says it. */
const FLAGS = [['suite', '--suite'], ['step', '--step'], ['n', '--n'], ['tokens_mean', '--tokens-mean']] as const

/** The checkpoint, filled up from the hints. @throws ImportError that says which flag would help */
export function complete ({ place, draft }: Found, { step, n, tokensMean, isPercent = false, context }: Hints): Draft {
  if (draft === null) throw new FileError(`${place}: not JSON`)
  const whole = {
    ...(step !== undefined && { step }),
    ...(n !== undefined && { n }),
    ...(tokensMean !== undefined && { tokens_mean: tokensMean }),
    ...(context && { context }),
    ...draft,
  }
  const missing = FLAGS.filter(([field]) => whole[field] === undefined)
  if (missing.length > 0) {
    const [fields, flags] = [0, 1].map((i) => missing.map((one) => one[i]).join(', '))
    throw new FileError(`${place}: there is no ${fields}${draft.suite === undefined ? '' : ` of ${draft.suite}`} in there: give it with ${flags}`)
  }
  const { em, em_stderr: stderr } = whole
  if (!isPercent) {
    if (em !== undefined && em > 1) throw new FileError(`${place}: an EM of ${em} is no fraction: if it is in percent, say --percent`)
    return whole
  }
  return { ...whole, ...(em !== undefined && { em: em / 100 }), ...(stderr !== undefined && { em_stderr: stderr / 100 }) }
}

export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
