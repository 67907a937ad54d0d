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
