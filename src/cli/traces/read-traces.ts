import { createReadStream } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { gradeOutcome, outcomeProblem, type ReportedOutcome } from '../../core/outcome/index.js'
import { OutcomeSchema } from '../../../openapi/outcome-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import type { RecordedRun } from './recorded-run.js'
import type { Label } from '../../core/policy/index.js'
import type { Problem } from '../../errors/errors.js'
import { FileError } from '../command-line/command-error.js'
import { linesOf } from '../command-line/lines-of.js'

/**
 * Reads trace files, one outcome a line; `-` is standard input.
 * @param label `agreement`: a line without EM or `reference` takes its own final answer as right
 * @throws FileError for the first line that cannot be replayed
 */
export async function readTraces (files: readonly string[], label: Label = 'exact_match'): Promise<RecordedRun[]> {
  const runs: RecordedRun[] = []
  const places = new Map<string, string>()
  for (const file of files) {
    for await (const [line, text] of lines(file)) {
      if (text.trim() === '') continue
      const place = `${file}:${line}`
      const run = readRecordedRun(place, text, label)
      const id = run.outcome.generation_id
      if (places.has(id)) throw new FileError(`${place}: generation_id ${JSON.stringify(id)} is already used at ${places.get(id)}: the service counts an id once`)
      places.set(id, place)
      runs.push(run)
    }
  }
  if (runs.length === 0) throw new FileError(`${files.join(', ')}: no traces found`)
  return runs
}

/** The numbered lines of a file that may be compressed; `-` is standard input. @throws FileError */
export async function * lines (file: string): AsyncGenerator<[number, string]> {
  const input = file === '-' ? process.stdin : textOf(file)
  let line = 0
  try {
    for await (const text of linesOf(input)) yield [++line, text]
  } catch (error) {
    throw error instanceof FileError ? error : new FileError(`${file}: ${(error as Error).message}`)
  }
}

/** The text of a file that may be compressed. */
function textOf (file: string): Readable {
  const bytes = createReadStream(file)
  return file.endsWith('.gz') ? pipeline(bytes, createGunzip(), () => {}) : bytes // an error reaches the reader of the stream
}

const schemaProblem = itemValidator(OutcomeSchema)

/** Reads one line of a trace file. @param label as for `readTraces` @throws FileError if it cannot be replayed */
export function readRecordedRun (place: string, text: string, label: Label = 'exact_match'): RecordedRun {
  let outcome: ReportedOutcome
  try { outcome = JSON.parse(text) } catch (error) { throw new FileError(`${place}: not JSON: ${(error as Error).message}`) }
  const problem = schemaProblem(outcome) ?? recordingProblem(outcome, label) ?? outcomeProblem(outcome)
  if (problem !== null) throw new FileError(`${place}: ${problem.path || 'the line'} ${problem.message}`)
  const { full, steps, asked_tokens: probeTokens = 0 } = gradeOutcome('', outcome)
  const { tokens, answer_tokens: answerTokens = 0 } = outcome
  const isByAgreement = full.exact_match === undefined
  return {
    outcome,
    tokens,
    answerTokens,
    em: full.exact_match ?? 1,
    ...(isByAgreement && { isByAgreement }),
    probeTokens,
    steps: steps!.map(({ exact_match: em, agreement = 0, asked_tokens: probeTokens = 0, tokens, confidence, signals }) =>
      ({ tokens, confidence, signals, em: isByAgreement ? agreement : em ?? 0, probeTokens })),
  }
}

/** Why an outcome cannot be replayed: the result of stopping must be known at every step. */
function recordingProblem (outcome: ReportedOutcome, label: Label): Problem | null {
  if (outcome.stopped === true) return { path: '/stopped', message: 'is true, but only full runs can be replayed' }
  if (outcome.steps === undefined) return { path: '/steps', message: 'is required: all steps of the generation' }
  if (outcome.steps_complete === false) return { path: '/steps_complete', message: 'is false, but only complete traces can be replayed' }
  const { full, steps } = gradeOutcome('', outcome)
  const mayAgree = label === 'agreement'
  if (full.exact_match === undefined && !(mayAgree && full.agreement === 1)) {
    return { path: '/em', message: `is required, or an answer${mayAgree ? '' : ' with a reference'}` }
  }
  const isByAgreement = full.exact_match === undefined
  // A failed probe has no confidence, so nothing can be stopped there.
  const unprobed = steps!.findIndex(({ exact_match: em, agreement, confidence }) =>
    (isByAgreement ? agreement : em) === undefined && !(mayAgree && confidence === null))
  if (unprobed === -1) return null
  return { path: `/steps/${unprobed}/em`, message: `is required, or an answer at this step${isByAgreement ? '' : ' and a reference'}` }
}
