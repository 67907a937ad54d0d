import { byText } from '../../core/predictor/usable-samples.js'
import { shuffle, type Random } from '../traces/seeded-random.js'
import type { RecordedRun } from '../traces/recorded-run.js'

/** The parts of the generations, by purpose. */
export interface Split<T> { readonly learn: T[], readonly certify: T[], readonly test: T[] }

/** The share of the groups that each part gets. */
export type Shares = readonly [learn: number, certify: number, test: number]

export function groupOf ({ outcome }: RecordedRun): string {
  return outcome.group_id ?? outcome.generation_id
}

/**
 * Splits generations by whole groups, with about the same shares in each context: groups are shuffled, sorted by context and dealt in turn.
 * A group with several contexts counts for the first one.
 * @param offset where dealing starts, so that remainders go to another part in each split
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
