import type { LabelReport, Verdict } from '../../../openapi/outcome-schemas.js'
import { answerDigest, rewardGrader, type ServedDifference } from '../../core/outcome/index.js'
import { EIGHTHS } from '../../core/stats/index.js'
import type { LabelEntry } from '../../core/learn/index.js'
import { at, InvalidLabelError, OutcomeNotFoundError, type Problem } from '../../errors/errors.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import { type Reporter, scopedId, spendReportQuota } from '../access/context-access.js'
import type { DecisionLog } from '../decision-log/decision-log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import type { Accepted } from './accept-outcomes.js'
import { forgetAnswers } from './kept-answers.js'

interface LabelServices {
  readonly store: Pick<Store, 'append' | 'answers'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot'>
  readonly decisionLog: Pick<DecisionLog, 'labelled'>
  readonly metrics: Pick<Metrics, 'labels' | 'reports' | 'limited'>
}

/**
 * Stores the label of an outcome durably, within the quota of the caller's token, and counts it by result.
 * @throws InvalidLabelError, OutcomeNotFoundError, TooManyOutcomesError; StoreUnavailableError: send it again
 */
export async function acceptLabel (
  services: LabelServices, generationId: string, label: LabelReport, reporter: Reporter): Promise<Accepted> {
  const { metrics } = services
  const [isNew] = await spendReportQuota(reporter, 'label', 1, metrics, async () => [await storeLabel(services, generationId, label, reporter)])
  metrics.labels.inc({ result: isNew ? 'accepted' : 'duplicate' })
  return { accepted: isNew ? 1 : 0, duplicates: isNew ? 0 : 1 }
}

/** Counts a label that was refused, by the code of its error. */
export function countRefusedLabel ({ metrics }: Pick<LabelServices, 'metrics'>, code: string): void {
  metrics.labels.inc({ result: RESULTS[code] ?? 'rejected' })
}

const RESULTS: Readonly<Record<string, string>> = {
  OUTCOME_NOT_FOUND: 'unknown', STORE_UNAVAILABLE: 'unavailable', LOG_FULL: 'unavailable', TOO_MANY_OUTCOMES: 'limited',
}

/** @returns whether the label is new */
async function storeLabel (services: LabelServices, generationId: string, label: LabelReport, reporter: Reporter): Promise<boolean> {
  const { store, snapshotHolder, decisionLog } = services
  const { salt } = snapshotHolder.snapshot()
  const problem = labelProblem(label)
  if (problem !== null) throw at(problem.path, new InvalidLabelError(problem.message))
  if (salt === null) throw new StoreUnavailableError('this replica has not reached the store yet')
  const entry = labelEntry(salt, scopedId(reporter, generationId), label)
  const [result] = await store.append([entry])
  if (result === 'unknown') throw new OutcomeNotFoundError(generationId)
  if (result === 'unanswered') {
    throw at('/answer', new InvalidLabelError('the outcome has no answer that the reference could grade: send em, or send the answer with the reference'))
  }
  if (result === 'mismatched') {
    throw at('/verdicts', new InvalidLabelError('must be one for each step of the outcome, in order; null: not compared'))
  }
  if (result === 'accepted') {
    decisionLog.labelled(generationId, entry)
    await forgetAnswers(services, entry.generation_id)
  }
  return result === 'accepted'
}

const KINDS = ['em', 'reward', 'reference', 'verdicts'] as const

/** A problem of a label that its schema cannot express; `null`: none. */
function labelProblem (label: LabelReport): Problem | null {
  const kinds = KINDS.filter((field) => label[field] !== undefined)
  const rewards = label.step_rewards ?? label.stopped_probe_reward
  if (kinds.length === 0 && label.stopped_probe_verdict === undefined) {
    return { path: '/em', message: 'send em (1 right, 0 wrong), a reward, a reference, or the verdicts of a comparison' }
  }
  if (label.reward !== undefined && kinds.length > 1) return { path: '/reward', message: 'takes the place of em, reference and verdicts: send one of them' }
  if (label.verdicts !== undefined && kinds.length > 1) return { path: '/verdicts', message: 'take the place of em, reward and reference: send one of them' }
  if (label.source === undefined && (label.verdicts ?? label.stopped_probe_verdict) !== undefined) {
    return { path: '/source', message: 'is needed with verdicts: name the grader, "judge:NAME" for a judge, since the guarantee says whose verdicts it rests on' }
  }
  if (label.reward === undefined && rewards !== undefined) return { path: '/reward', message: 'is needed: the rewards of other answers are compared with it' }
  return null
}

/** A label as the log holds it, with digests in place of answers. */
function labelEntry (salt: string, generation_id: string, label: LabelReport): LabelEntry {
  const { em, answer, reference, stopped_probe_em: probeEm, steps, verdicts, stopped_probe_verdict: served, source } = label
  const references = typeof reference === 'string' ? [reference] : reference
  return {
    type: 'label',
    generation_id,
    ...(em !== undefined && { em }),
    ...(answer !== undefined && { answer: answerDigest(salt, answer) }),
    ...(references !== undefined && { references: references.map((text) => answerDigest(salt, text)) }),
    ...(probeEm !== undefined && { stopped_probe_em: probeEm }),
    ...(steps !== undefined && { steps }),
    ...(verdicts !== undefined && { differences: verdicts.map((verdict) => verdict && EIGHTHS * LOSSES[verdict]) }),
    // Here the served answer takes the place of the final one: a probed answer that was better is what the stop has lost.
    ...(served !== undefined && { stopped_probe_difference: LOSSES[served] }),
    ...gradesOfRewards(`${salt}:${generation_id}`, label),
    ...(source !== undefined && { source }),
  }
}

const LOSSES: Readonly<Record<Verdict, ServedDifference>> = { lost: 1, tie: 0, gained: -1 }

/** The grades that the rewards of a label stand for. @param generation see `rewardGrader` */
export function gradesOfRewards (
  generation: string, { reward, step_rewards: rewards, stopped_probe_reward: probe }: Pick<LabelReport, 'reward' | 'step_rewards' | 'stopped_probe_reward'>
): Pick<LabelEntry, 'em' | 'steps' | 'differences' | 'stopped_probe_em'> {
  if (reward === undefined) return {}
  const { em, eighthsLost } = rewardGrader(generation, reward)
  return {
    em: em(reward),
    ...(rewards !== undefined && {
      steps: rewards.map((value) => value === null ? null : em(value)),
      differences: rewards.map((value) => value === null ? null : eighthsLost(value)),
    }),
    ...(probe !== undefined && { stopped_probe_em: em(probe) }),
  }
}
