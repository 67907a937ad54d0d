import type { Static } from '#typebox'
import type { ProbeFormReplySchema } from '../../../openapi/probe-form-schemas.js'
import { areSameForms, type ContextRule, isWordless, type ProbeFormFinding, PROBE_FORM_SUFFIXES, ruleFor } from '../../core/decide/index.js'
import { certifyingKey, type Context, contextKey, effectivePolicy } from '../../core/policy/index.js'
import type { Store } from '../../store/store.js'
import { type Caller, forbidden, keyAccessProblem, requireContext } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { ruleReply } from './rule-reply.js'

interface ProbeFormServices {
  readonly config: Pick<Config, 'levels'>
  readonly store: Pick<Store, 'append'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'loaded'>
}

interface Reporter extends Caller { readonly isOperator: boolean }

interface ProbeFormRequest { readonly context?: Context, readonly finding?: ProbeFormFinding }

/**
 * Reads the probe form in force in a context, with its rule, and logs one that a worker has found or an operator states. Only an operator
 * may replace a form, or state words of its own: all who share the context force their answers with it.
 * @throws ForbiddenError, UnknownLevelError; StoreUnavailableError: send it again
 */
export async function acceptProbeForm (
  { config: { levels }, store, snapshotHolder }: ProbeFormServices, { context = {}, finding }: ProbeFormRequest, caller: Reporter
): Promise<Static<typeof ProbeFormReplySchema>> {
  requireContext(caller, levels, context)
  const { snapshot, links, inputs } = snapshotHolder.loaded()
  const leaf = contextKey(levels, context)
  const policy = links.get(leaf)?.policy ?? effectivePolicy(inputs.defaultPolicy, inputs.policies, leaf)
  const key = certifyingKey(levels, policy.certify_at, leaf)
  const rule = ruleFor(snapshot, context)
  if (finding !== undefined) requireRight(caller, key, rule, finding)
  if (finding !== undefined && isNews(rule, finding)) {
    const { tokenPrefix: prefix } = caller
    const stated = { ...finding, is_stated: finding.is_stated && caller.isOperator }
    await store.append([{ type: 'probe_form', key, finding: stated, by: caller.tokenName, ...(prefix !== null && { prefix }) }])
  }
  return { context: key, is_known: rule.probeForm !== undefined, probe_form: rule.probeForm ?? null, rule: ruleReply(rule) }
}

/** @throws ForbiddenError */
function requireRight (caller: Reporter, key: string, { probeForm: known }: ContextRule, finding: ProbeFormFinding): void {
  const { form, is_stated: isStated } = finding
  const problem = keyAccessProblem(caller, key, '/context')
  if (problem !== null) throw forbidden({ ...problem, message: `The context certifies in ${key}, whose form all its members share, and ${problem.message}` })
  if (caller.isOperator || form === null) return
  if (!isWordless(form)) {
    const words = `the suffix ${JSON.stringify(PROBE_FORM_SUFFIXES[form.name])}, and at most 64 characters of white space and punctuation around the tag`
    throw forbidden({ path: '/finding/form', message: `From a worker the form ${form.name} has ${words}: state any other text once, with an operator's token` })
  }
  if (isStated && known != null && !areSameForms(known, form)) {
    throw forbidden({ path: '/finding/is_stated', message: `Another form is in force in ${key}: state yours once, with an operator's token` })
  }
}

/** Whether the learner may put it in force. */
function isNews ({ probeForm: known }: ContextRule, { form, is_stated: isStated }: ProbeFormFinding): boolean {
  return known == null || (isStated && form !== null && !areSameForms(known, form))
}
