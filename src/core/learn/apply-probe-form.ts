import { areSameForms, type ProbeFormFinding } from '../decide/probe-form.js'
import { replacesForm } from './probe-form.js'
import { isCertifying } from '../policy/context.js'
import { createChain } from './context-room.js'
import { moveShare } from './control-share.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import { startEpoch } from './start-epoch.js'
import type { ProbeFormEntry } from './log-entry.js'
import { moveOf } from './threshold-change.js'

/**
 * Puts a probe form in force, unless another one was found before. Where evidence was gathered with another form, an epoch begins: until a
 * context has a form, workers that search for one enrol nothing in it.
 */
export function applyProbeForm (fold: Fold, time: number, { key, finding, by, prefix }: ProbeFormEntry): void {
  const policy = policyOf(fold.ledger, key)
  if (!isCertifying(fold.ledger.configuration.levels, policy.certify_at, key)) return
  const state = fold.get(key) ?? createChain(fold, key, time, prefix)
  if (state === undefined || !replacesForm(state.probes.form, finding)) return
  const known = state.probes.form?.form ?? null
  const isChanged = known !== null && !areSameForms(known, finding.form)
  const next = isChanged ? startEpoch(fold, key, state, { cause: 'probe_form', policy, time }) : state
  const written = { ...next, probes: { ...next.probes, form: { ...finding, at: time, asked: 0, equal: 0 } } }
  fold.set(key, written)
  if (!isChanged) return
  fold.changes.push({ time, key, cause: 'probe_form', epoch: next.epoch.number, ...moveOf(state), by, reason: describe(finding) })
  moveShare(fold, key, written, time)
}

function describe ({ form, is_stated: isStated }: ProbeFormFinding): string {
  return form === null ? 'no probe form agrees' : `probe form ${form.name}, ${isStated ? 'as stated' : 'as found'}`
}
