import { thresholdsOf } from '../../core/stats/index.js'
import { type ContextState, openEpoch, packState, type StoredState, unpackState } from '../../core/learn/index.js'
import { DEFAULT_POLICY } from '../../core/policy/index.js'
import { isState } from './context-schemas.js'

/** Number of interned values at which all are forgotten. */
const MAX_INTERNED = 1000

const known = new Map<string, object>()

/** Returns one frozen object for all equal values, so that ten thousand contexts share them. */
export function intern<T extends object | undefined> (value: T): T {
  if (value === undefined) return value
  const text = JSON.stringify(value)
  const same = known.get(text)
  if (same !== undefined) return same as T
  if (known.size >= MAX_INTERNED) known.clear()
  known.set(text, Object.freeze(value))
  return value
}

const UNREAD = openEpoch(undefined, { cause: 'reset', policy: DEFAULT_POLICY, levels: ['?'], time: 0, name: '' })

/** Replaces an unreadable state. Its meaning fits no policy, so it certifies nothing, and no parent stands in for it. */
const UNREADABLE: ContextState = { ...UNREAD, epoch: { ...UNREAD.epoch, number: 0 } }

export function readState (text: string): ContextState {
  try {
    const value = JSON.parse(text)
    if (!isState(value)) return UNREADABLE
    const state = reviveState(value)
    return hasThresholdOfGrid(state) ? state : UNREADABLE
  } catch { return UNREADABLE }
}

/** Whether the threshold in force is on the grid of its evidence. */
function hasThresholdOfGrid ({ rule: { index }, evidence: { final } }: ContextState): boolean {
  return Number.isInteger(index) && index >= -1 && index < thresholdsOf(final)
}

/**
 * A state whose evidence is lost, until its next epoch: it certifies nothing, and no enrolment belongs to its epoch. The counts over all
 * epochs and the hold are kept.
 */
export function withoutEvidence ({ epoch: { number, looks }, guards: { stops, breaches, hold }, savings }: ContextState): ContextState {
  const { epoch, guards } = UNREADABLE
  return { ...UNREADABLE, epoch: { ...epoch, number, looks }, guards: { ...guards, stops, breaches, hold }, savings }
}

/** The epochs of a context count from 1. */
export const isUnreadable = ({ epoch }: ContextState): boolean => epoch.number === 0

export function encodeState (state: ContextState): string { return JSON.stringify(packState(state)) }

/** The state that was written as this JSON value. Ten thousand contexts share equal terms and probe forms. */
export function reviveState (written: object): ContextState {
  const state = unpackState(written as StoredState)
  const { epoch, rule, probes } = state
  const form = probes.form && { ...probes.form, form: probes.form.form && intern(probes.form.form) }
  return {
    ...state,
    epoch: { ...epoch, requested: intern(epoch.requested), meaning: intern(epoch.meaning) },
    rule: { ...rule, judged_by: intern(rule.judged_by) },
    probes: { ...probes, form },
  }
}
