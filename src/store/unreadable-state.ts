import { openEpoch, type ContextState } from '../core/judgement/context-state.js'
import { noEvidence, thresholdsOf } from '../core/certificate/evidence.js'
import { halvesInForce } from '../core/judgement/candidate-scorer.js'
import { DEFAULT_POLICY } from '../core/policy/policy.js'
import { isGridLength } from '../core/predictor/predictor.js'
import type { Trial } from '../core/judgement/trial.js'
import { decodeState } from './encoding.js'
import { hasWholeRest, isFields, isNumber } from './stored-schemas.js'

/** In place of a state that is damaged: it means nothing that a policy asks for, so it certifies nothing, and no parent stands in. */
const UNREADABLE: ContextState = { ...openEpoch(undefined, 'reset', DEFAULT_POLICY, ['?'], 0), epoch: 0 }

/** One context's state must not keep the others from being read. */
export function readState (text: string): ContextState {
  try {
    const state = decodeState(text)
    return isWhole(state) ? state : UNREADABLE
  } catch { return UNREADABLE }
}

/** Whether a state that is JSON has all that one has, each of its kind: what is missing the learner would miss, for all contexts. */
function isWhole (state: ContextState): boolean {
  return isLikeOne(state) && hasWholeRest(state) && state.trials.every(({ halves }) => areHalves(halves)) && isIndex(state)
}

/** The half-windows of a trial, of whatever grid, but of one. */
function areHalves (halves: Trial['halves']): boolean {
  const thresholds = thresholdsOf(halves[0])
  if (!isGridLength(thresholds)) return false
  let areLikeThem = halvesOf.get(thresholds)
  if (areLikeThem === undefined) halvesOf.set(thresholds, areLikeThem = like([noEvidence(thresholds), noEvidence(thresholds)]))
  return areLikeThem(halves)
}

/** Whether the threshold in force is one of those that the evidence for it is of. */
function isIndex (state: ContextState): boolean {
  const { threshold_index: index } = state
  return Number.isInteger(index) && index >= -1 && index < thresholdsOf(halvesInForce(state)[0])
}

type Kind = (value: unknown) => boolean

/** Values alike in all their parts; a list that is empty stands for any. Made once, as thousands of states are read in a row. */
function like (one: unknown): Kind {
  if (one === null) return (value) => value !== undefined
  if (Array.isArray(one)) {
    const { length } = one
    const kinds = one.map(like)
    const isPart: (part: unknown, i: number) => boolean = typeof one[0] === 'number' ? isNumber : (part, i) => kinds[i]!(part)
    return (value) => value === one || (Array.isArray(value) && (length === 0 || (value.length === length && value.every(isPart))))
  }
  if (typeof one !== 'object') return (value) => typeof value === typeof one
  const kinds = Object.entries(one).map(([name, part]) => [name, like(part)] as const)
  return (value) => isFields(value) && kinds.every(([name, kind]) => kind(value[name]))
}

const isLikeOne = like(UNREADABLE)
const halvesOf = new Map<number, Kind>()

/** Epochs that were ever begun count from 1. */
export const isUnreadable = ({ epoch }: ContextState): boolean => epoch === 0
