import { type ChainLink, contextsOfPrefix } from '../../core/learn/index.js'
import { isWithin, ROOT } from '../../core/policy/index.js'
import type { Config } from '../config/config.js'
import type { LoadedSnapshot } from './load-snapshot.js'

type Links = LoadedSnapshot['links']
type Room = Pick<Config, 'levels' | 'maxContexts'>

/** Whether a context has a state. Others are only named by a policy, a pin or a predictor. */
const exists = (link: ChainLink | undefined): boolean => link !== undefined && link.epochName !== null

const countsOf = new WeakMap<Links, Map<string, number>>()

/** The number of contexts at and below a key; remembered as long as the snapshot is the same. */
function contextsWithin (links: Links, key: string): number {
  if (links.size === 0) return 0
  let counts = countsOf.get(links)
  if (counts === undefined) countsOf.set(links, counts = new Map())
  let count = counts.get(key)
  if (count === undefined) {
    count = 0
    for (const link of links.values()) if (exists(link) && isWithin(link.key, key)) count++
    counts.set(key, count)
  }
  return count
}

/** Whether there is no room for further contexts. */
export function isFull (links: Links, { maxContexts }: Pick<Room, 'maxContexts'>): boolean {
  return links.size >= maxContexts && contextsWithin(links, ROOT) >= maxContexts
}

/** Whether the tokens of a prefix have their share of the contexts. */
export function hasShare (links: Links, { levels, maxContexts }: Room, prefix: string): boolean {
  const share = contextsOfPrefix(maxContexts, levels.length + 1)
  return links.size >= share && contextsWithin(links, prefix) >= share
}

/** What metrics show of it. @param prefixes that tokens are bound to */
export function contextRoom (links: Links, room: Room, prefixes: readonly string[]) {
  return { isFull: isFull(links, room), fullPrefixes: prefixes.filter((prefix) => hasShare(links, room, prefix)).length }
}

/** Whether a context does not exist, and there is no room for it. @param prefix of the token that names it; `null`: none */
export function lacksRoom (links: Links, room: Room, key: string, prefix: string | null): boolean {
  return !exists(links.get(key)) && (isFull(links, room) || (prefix !== null && hasShare(links, room, prefix)))
}
