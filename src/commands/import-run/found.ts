import type { Checkpoint } from '../../core/training/checkpoint.js'
import { FileError } from '../command-line/command-error.js'
import type { ImportOptions } from './import-run-options.js'

/** The fields of a checkpoint that a file states; the service validates them. */
export type Draft = Partial<Checkpoint>

/** A checkpoint at a place of a file; `draft` is `null` if the place holds no JSON. */
export interface Found { readonly place: string, readonly draft: Draft | null }

/** Flags that fill in what files do not say. */
export type Hints = Partial<ImportOptions['hints']>

/** Figures by the names that training stacks give them. */
export const FIGURES = {
  exact_match: 'em',
  em: 'em',
  exact_match_stderr: 'em_stderr',
  em_stderr: 'em_stderr',
  n: 'n',
  tokens_mean: 'tokens_mean',
  tokens_p50: 'tokens_p50',
  tokens_p95: 'tokens_p95',
  stop_rate: 'stop_rate',
  truncated_rate: 'truncated_rate',
} as const satisfies Readonly<Record<string, keyof Draft>>

/** Fields that a file may leave out, and their flags. */
const FLAGS = [['suite', '--suite'], ['step', '--step'], ['n', '--n'], ['tokens_mean', '--tokens-mean']] as const

/** Completes a checkpoint from the hints. @throws FileError that names the missing flags */
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
    throw new FileError(`${place}: ${fields} missing${draft.suite === undefined ? '' : ` for ${draft.suite}`}: add ${flags}`)
  }
  const { em, em_stderr: stderr } = whole
  if (!isPercent) {
    if (em !== undefined && em > 1) throw new FileError(`${place}: an EM of ${em} is not a fraction; if it is in percent, add --percent`)
    return whole
  }
  return { ...whole, ...(em !== undefined && { em: em / 100 }), ...(stderr !== undefined && { em_stderr: stderr / 100 }) }
}

export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
