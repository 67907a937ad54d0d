import { useMemo } from 'preact/hooks'

/** Evidence of a context at a time, ms. `target`: the generations at which the next certificate is expected; `null`: none is. */
export interface Sample { readonly at: number, readonly generations: number, readonly target: number | null }

/** Samples kept of a context. When there are more, every other one of the older half is dropped. */
const MOST = 240
const seen = new Map<string, readonly Sample[]>()

/** What was seen of the evidence of a context since the page was loaded, this sample included. */
export function useGrowth (key: string, generations: number, more: number | null): readonly Sample[] {
  return useMemo(() => {
    const before = seen.get(key) ?? []
    const last = before.at(-1)
    if (last?.generations === generations && last.target === (more === null ? null : generations + more)) return before
    const kept = before.length < MOST ? before : before.filter((_, i) => i > MOST / 2 || i % 2 === 0)
    const samples = [...kept, { at: Date.now(), generations, target: more === null ? null : generations + more }]
    seen.set(key, samples)
    return samples
  }, [key, generations, more])
}
