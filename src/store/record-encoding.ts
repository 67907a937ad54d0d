import type { RecordedStep } from '../core/recorded-step.js'

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
  const fields = [tokens, confidence, em ?? null, digest ?? null, signals ?? null]
  while (fields.length > 2 && fields.at(-1) === null) fields.pop()
  return JSON.stringify(fields)
}

export function decodeStep (text: string): RecordedStep {
  const [tokens, confidence, em, digest, signals] = JSON.parse(text)
  return { tokens, confidence, ...(em != null && { em }), ...(digest != null && { answer_digest: digest }), ...(signals && { signals }) }
}
