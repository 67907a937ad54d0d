/** Limits of the records of generations. */
export interface RecordLimits {
  /** How long a record is kept after its last text, s. */
  readonly seconds: number
  /** Texts of one generation; later ones are not kept. */
  readonly texts: number
  /** Number of records; the least recently written are dropped first. */
  readonly generations: number
  /** Length of all texts; the least recently written records are dropped first. */
  readonly bytes: number
}

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

/** Limits of the decision log. */
export const EVENT_LIMITS: RecordLimits = { seconds: 86_400, texts: 4096, generations: 50_000, bytes: 64 * 1024 * 1024 }

/** Limits of the answers that await a label. */
export const ANSWER_LIMITS: RecordLimits = { seconds: 86_400, texts: 1, generations: 20_000, bytes: 64 * 1024 * 1024 }

/**
 * The answers of generations whose label is wanted, for graders: one text each, forgotten once the label has come. A forgotten record is
 * gone, texts that were being written included. Later texts start it again.
 */
export interface AnswerStore extends EventStore {
  readonly forget: (generationIds: readonly string[]) => Promise<void>
}

/**
 * The decision log: texts by generation, for generations that are looked up later. One contract suite tests these laws on every
 * implementation:
 *  1. `append` adds texts to the records of their generations, in order, whichever replicas write. If it rejects, the texts may have been
 *     kept; they may be appended again.
 *  2. Records are bounded by RecordLimits: a whole record expires some time after its last text, texts beyond the limit of a generation are
 *     not kept, and of too many records the least recently written ones are dropped.
 */
export interface EventStore {
  /** Returns how many of the events were kept. */
  readonly append: (events: TextBatch) => Promise<number>
  /** The events of generations, in the order in which they were appended; generations without any are absent. */
  readonly read: (generationIds: readonly string[]) => Promise<Map<string, string[]>>
}
