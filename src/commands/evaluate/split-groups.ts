import { shuffle, type Random } from '../traces/seeded-random.js'
import type { RecordedRun } from '../traces/recorded-run.js'

/** What each part of the generations is for. */
export interface Split<T> { readonly learn: T[], readonly certify: T[], readonly test: T[] }

/** How many shares of the groups each part gets. */
export type Shares = readonly [learn: number, certify: number, test: number]

export function groupOf ({ outcome }: RecordedRun): string {
  return outcome.group_id ?? outcome.generation_id
}

/**
 * Splits generations by group, whole groups at a time, each context in the same shares as far as its groups go: groups are shuffled, put in
 * order of their context, and dealt in turn. A group of several contexts goes with the first.
 * @param offset where the deal begins, so that what does not come out even falls to another part in another split
 */
export function splitGroups<T extends { readonly key: string, readonly run: RecordedRun }> (
  items: readonly T[], [learn, certify, test]: Shares, random: Random, offset: number): Split<T> {
  const parts: (keyof Split<T>)[] = [...Array(learn).fill('learn'), ...Array(certify).fill('certify'), ...Array(test).fill('test')]
  const keys = new Map<string, string>()
  for (const { key, run } of items) if (!keys.has(groupOf(run))) keys.set(groupOf(run), key)
  const dealt = shuffle(random, [...keys.keys()].sort()).sort((a, b) => byText(keys.get(a)!, keys.get(b)!))
  const partOf = new Map(dealt.map((group, i) => [group, parts[(i + offset) % parts.length]!]))
  const split: Split<T> = { learn: [], certify: [], test: [] }
  for (const item of items) split[partOf.get(groupOf(item.run))!].push(item)
  return split
}

function byText (a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
