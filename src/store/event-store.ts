import type { RecordLimits } from './step-record-store.js'

/** Texts of several generations. Those of `ids[i]` are from `starts[i]` to before `starts[i + 1]`, in order. */
export interface TextBatch {
  readonly ids: readonly string[]
  readonly starts: ArrayLike<number>
  readonly texts: readonly string[]
}

/** Groups texts by generation and keeps their order. */
export function textBatchOf (pairs: Iterable<readonly [id: string, text: string]>): TextBatch {
  const byId = new Map<string, string[]>()
  for (const [id, text] of pairs) {
    const own = byId.get(id)
    if (own === undefined) byId.set(id, [text]); else own.push(text)
  }
  const starts = [0]
  for (const own of byId.values()) starts.push(starts.at(-1)! + own.length)
  return { ids: [...byId.keys()], starts, texts: [...byId.values()].flat() }
}

/** Limits of the decision log; an event counts as a step. */
export const EVENT_LIMITS: RecordLimits = { seconds: 86_400, steps: 4096, generations: 50_000, bytes: 64 * 1024 * 1024 }

/** Limits of the answers that await a label; an answer counts as a step. */
export const ANSWER_LIMITS: RecordLimits = { seconds: 86_400, steps: 1, generations: 20_000, bytes: 64 * 1024 * 1024 }

/** The answers of generations whose label is wanted, for graders: one text each, forgotten once the label has come. */
export interface AnswerStore extends EventStore {
  readonly forget: (generationIds: readonly string[]) => Promise<void>
}

/**
 * The decision log: texts by generation, for generations that are looked up later. It has the laws of StepRecordStore, within limits of its
 * own, but for forgetting: events go only when they expire or when there are too many.
 */
export interface EventStore {
  /** Returns how many of the events were kept. */
  readonly append: (events: TextBatch) => Promise<number>
  /** The events of generations, in the order in which they were appended; generations without any are absent. */
  readonly read: (generationIds: readonly string[]) => Promise<Map<string, string[]>>
}
