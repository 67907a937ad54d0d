import type { Em } from '../core/certificate/evidence.js'
import type { RecordedStep } from '../core/recording/recorded-step.js'
import { isRecordedStep } from './stored-schemas.js'

/** What records may take up. */
export interface RecordLimits {
  /** After the last step of a generation its record is gone, s. */
  readonly seconds: number
  /** Of one generation; later ones are not kept. */
  readonly steps: number
  /** In all; the records that were written to the longest ago go first. */
  readonly generations: number
  /** Of all steps, encoded; likewise. */
  readonly bytes: number
}

export const RECORD_LIMITS: RecordLimits = { seconds: 3600, steps: 4096, generations: 100_000, bytes: 64 * 1024 * 1024 }

/** `[tokens, confidence, em, answer_digest, signals]`, without what is absent at the end: there are millions of them. */
export function encodeStep ({ tokens, confidence, em, answer_digest: digest, signals }: RecordedStep): string {
  if (digest === undefined && signals === undefined) return em === undefined ? `[${tokens},${confidence}]` : `[${tokens},${confidence},${em}]`
  const fields = [tokens, confidence, em ?? null, digest ?? null]
  return JSON.stringify(signals === undefined ? fields : [...fields, signals])
}

type Fields = [number, number | null, Em?, (string | null)?, Record<string, number>?]

/** Of one text, or of several joined by commas. What is damaged is left out: as a step that is missing it counts as the worst case. */
export function decodeSteps (texts: string): RecordedStep[] {
  try { return (JSON.parse(`[${texts}]`) as Fields[]).filter(isRecordedStep).map(stepOf) } catch { return [] }
}

function stepOf ([tokens, confidence, em, digest, signals]: Fields): RecordedStep {
  return { tokens, confidence, ...(em != null && { em }), ...(digest != null && { answer_digest: digest }), ...(signals && { signals }) }
}
