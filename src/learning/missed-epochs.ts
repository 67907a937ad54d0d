import { chainOf, isWithin } from '../core/policy/context.js'
import type { ContextState } from '../core/judgement/context-state.js'
import type { CheckpointEntry, Command } from '../core/learn/log-entry.js'
import type { ReportCorruption } from '../logging/report-corruption.js'
import type { Store } from '../store/store.js'
import { isUnreadableRun } from '../store/training-encoding.js'

/** Commands that are looked through, newest first. */
const ROWS = 1000
/** By how much a row's time may be after its entry's: Redis takes it twice, ms. */
const SAME_MS = 10

type Reset = Extract<Command, { type: 'reset' }>

/** What begins epochs: a reset in its context, a checkpoint in those below as well. */
interface Beginning {
  readonly at: number
  readonly entry: Reset | CheckpointEntry
}

/**
 * Resets and checkpoints that began no epoch, since the log had them in entries that could not be read: the audit trail has the ones, the
 * training runs the others. Without them the evidence of before would go on to vouch. One that is still to come in the log begins two
 * epochs, which costs tokens and no answer; so does one that only some contexts below it missed, in the others, which would bear the name
 * of the checkpoint before without it. What came later below a checkpoint that was missed is said again after it, or contexts would
 * bear that one's name instead.
 */
export async function missedEpochs (
  store: Pick<Store, 'audit' | 'trainingRuns'>, contexts: ReadonlyMap<string, ContextState>, tellDamage: ReportCorruption
): Promise<Array<Reset | CheckpointEntry>> {
  const found = await Promise.all([resets(store, tellDamage), checkpoints(store, tellDamage)])
  const begun = found.flat().sort((a, b) => a.at - b.at)
  const newest = new Map(begun.map((one) => [placeOf(one.entry), one]))
  const missed = new Set([...contexts].flatMap(([key, state]) => {
    const places = [...chainOf(key).map((above) => placeOf({ type: 'checkpoint', key: above })), placeOf({ type: 'reset', key })]
    const last = places.flatMap((place) => newest.get(place) ?? []).sort((a, b) => a.at - b.at).at(-1)
    return last !== undefined && isMissed(last, state) ? last : []
  }))
  return begun.filter((one) => newest.get(placeOf(one.entry)) === one)
    .filter((one) => [...missed].some((first) => first === one || isUndoneBy(first, one)))
    .map(({ entry }) => entry)
}

async function resets (store: Pick<Store, 'audit'>, tellDamage: ReportCorruption): Promise<Beginning[]> {
  const reason = 'the log had it, or a checkpoint before it, in an entry that could not be read'
  const rows = await store.audit(ROWS)
  const damaged = rows.filter(({ command }) => command.type === 'unreadable')
  tellDamage('audit', damaged.length, { ids: damaged.slice(0, 20).map(({ id }) => id) })
  return rows.flatMap(({ time: at, command: { type, ...command } }) =>
    type === 'reset' ? { at, entry: { type, key: (command as Reset).key, by: 'stopgate', reason } } : [])
}

async function checkpoints (store: Pick<Store, 'trainingRuns'>, tellDamage: ReportCorruption): Promise<Beginning[]> {
  const runs = await store.trainingRuns()
  const damaged = runs.filter(isUnreadableRun)
  tellDamage('runs', damaged.length, { names: damaged.slice(0, 20).map(({ name }) => name) })
  return runs.flatMap(({ name: run, contexts }) =>
    contexts.map(({ key, step, at }): Beginning => ({ at, entry: { type: 'checkpoint', key, run, step, by: 'stopgate' } })))
}

const placeOf = ({ type, key }: Pick<Beginning['entry'], 'type' | 'key'>) => `${type} ${key}`

function isMissed ({ at, entry }: Beginning, { epoch_started_at: since, checkpoint }: ContextState): boolean {
  const isBorne = entry.type === 'checkpoint' && checkpoint?.run === entry.run && checkpoint.step === entry.step
  return !isBorne && since < at - SAME_MS
}

function isUndoneBy (first: Beginning, later: Beginning): boolean {
  return first.entry.type === 'checkpoint' && later.at >= first.at && isWithin(later.entry.key, first.entry.key)
}
