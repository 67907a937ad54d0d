import type { Asked } from './recorded-step.js'
import { type Columns, signalsAt } from '../decide/decide-columns.js'

/** The fields of a row that are recorded. */
export function askedAt ({ tokens, confidence, signals, em, answer }: Columns, row: number): Asked {
  const right = em?.[row] ?? undefined
  const text = answer?.[row] ?? undefined
  const plain = { tokens: tokens[row]!, confidence: confidence[row]! }
  if (right === undefined && text === undefined && signals === undefined) return plain
  return {
    ...plain,
    ...(right !== undefined && { em: right }),
    ...(text !== undefined && { answer: text }),
    ...(signals && { signals: signalsAt(signals, row) }),
  }
}
