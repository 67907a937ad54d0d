import { armOf, type LoggedOutcome } from '../outcome/outcome.js'
import { account } from './account-outcome.js'
import { applyCadence } from './apply-cadence.js'
import { mustTakeBack, watchTreated } from './apply-fidelity.js'
import { seeStop } from './apply-sight.js'
import { countInChain } from './count-generation.js'
import type { Fold } from './fold.js'
import { enterPlace, placeOf } from './place-of-outcome.js'
import { alarmOf, endEpoch, type Ending } from './start-epoch.js'
import { countIn } from './take-report.js'
import { thresholdInForce } from './threshold-in-force.js'
import { usableOutcome, wasLeftAlone } from './usable-outcome.js'

/**
 * Counts one finished generation in every link of its chain, and accounts for it in the cohort that it was enrolled in. A retry counts
 * nowhere.
 */
export function applyOutcome (fold: Fold, time: number, reported: LoggedOutcome): void {
  if (reported.is_retry === true) return
  const place = placeOf(fold, reported.context)
  const { outcome, areSignalsRefused } = usableOutcome(fold, reported, place)
  const { leaf, key, isOfPool } = place
  const current = enterPlace(fold, place, reported.prefix, time)
  const arm = armOf(outcome, current?.rule.control_share ?? 0)
  const force = arm === 'treated' || leaf !== key ? thresholdInForce(fold, leaf, time) : undefined
  const isServed = arm === 'treated' && !wasLeftAlone(fold, outcome, place)

  countInChain(fold, place, outcome, { arm, force, isServed, time })
  if (outcome.stopped && isOfPool) seeStop(fold, key, outcome, time)
  const counted = areSignalsRefused && fold.get(key) !== undefined ? countIn(fold, key, { signals_refused: 1 }) : fold.get(key)
  if (counted === undefined) return
  const pending = { outcome, leaf, key }
  const isWatched = isServed && isOfPool && force !== undefined
  const watched = isWatched ? watchTreated(fold, time, pending, force, counted) : counted
  if (!isOfPool) return

  // Both arms of the leaf run as its pool's do: a new member has no treated arm, and one with a pin of its own no control arm.
  const isCompared = leaf === key || (force!.isEvidence && !force!.isNew)
  const compared = isCompared ? applyCadence(fold, pending, arm, watched) : watched
  const isBreached = mustTakeBack(fold, key, compared, time)
  const end: Ending = { cause: 'breach', policy: place.gathering, time, alarm: alarmOf('breach', compared) }
  const state = isBreached ? endEpoch(fold, key, compared, end) : compared
  const known = isBreached ? undefined : force // in a new epoch a member that has left is evidence again
  account(fold, time, pending, { arm, force: known }, state)
}
