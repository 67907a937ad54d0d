import type { Em } from '../core/certificate/stops.js'
import type { RecordedStep } from '../core/recording/recorded-step.js'
import { isRecordedStep } from './stored-schemas.js'

/** Encodes a step as `[tokens, confidence, em, answer_digest, signals]`, without absent fields at the end. */
export function encodeStep ({ tokens, confidence, em, answer_digest: digest, signals }: RecordedStep): string {
  if (digest === undefined && signals === undefined) return em === undefined ? `[${tokens},${confidence}]` : `[${tokens},${confidence},${em}]`
  const fields = [tokens, confidence, em ?? null, digest ?? null]
  return JSON.stringify(signals === undefined ? fields : [...fields, signals])
}

type Fields = [number, number | null, Em?, (string | null)?, Record<string, number>?]

/** Decodes one text, or several joined by commas. Damaged steps are left out; missing steps count as the worst case. */
export function decodeSteps (texts: string): RecordedStep[] {
  try { return (JSON.parse(`[${texts}]`) as Fields[]).filter(isRecordedStep).map(stepOf) } catch { return [] }
}

function stepOf ([tokens, confidence, em, digest, signals]: Fields): RecordedStep {
  return { tokens, confidence, ...(em != null && { em }), ...(digest != null && { answer_digest: digest }), ...(signals && { signals }) }
}
