import { packGathered, type StoredGathered, unpackGathered } from '../evidence/gathered-evidence.js'
import { packMembership, unpackMembership } from '../evidence/membership.js'
import { packReports, type StoredReports, unpackReports } from '../evidence/reports.js'
import { packGuards, type StoredGuards, unpackGuards } from '../guards/guards.js'
import { shareSavings } from '../stats/context-savings.js'
import { NO_LABELS } from '../evidence/labels.js'
import type { ContextState } from './context-state.js'
import { NO_RULE } from './learned-rule.js'

/** A state as it is stored, plain values only: slices that would take more room than they need have a form of their own. */
export interface StoredState extends Omit<ContextState, 'evidence' | 'guards' | 'reports'> {
  readonly evidence: StoredGathered
  readonly guards: StoredGuards
  readonly reports: StoredReports
}

/** The text of equal states is the same: fields have one order, also those that are absent. Shares lists with the state. */
export function packState (state: ContextState): StoredState {
  const { evidence, guards, reports, membership } = state
  return {
    ...state,
    evidence: packGathered(evidence),
    guards: packGuards(guards),
    reports: packReports(reports),
    membership: membership && packMembership(membership),
  }
}

export function unpackState (stored: StoredState): ContextState {
  const { epoch, evidence, guards, reports, rule, labels, savings, probes, membership, checkpoint } = stored
  return {
    epoch,
    evidence: unpackGathered(evidence),
    guards: unpackGuards(guards),
    reports: unpackReports(reports),
    rule: { ...NO_RULE, ...rule },
    labels: { ...NO_LABELS, ...labels },
    savings: shareSavings(savings),
    probes,
    membership: membership && unpackMembership(membership),
    checkpoint,
  }
}
