import type { Static } from '#typebox'
import type { ProbeFormReplySchema } from '../../../openapi/probe-form-schemas.js'
import { areSameForms, type ContextRule, type ProbeFormFinding, ruleFor } from '../../core/decide/index.js'
import { certifyingKey, type Context, contextKey, effectivePolicy } from '../../core/policy/index.js'
import type { Store } from '../../store/store.js'
import { type Caller, requireContext } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import { prefixFor } from '../snapshot/context-room.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { ruleReply } from './rule-reply.js'

interface ProbeFormServices {
  readonly config: Pick<Config, 'levels'>
  readonly store: Pick<Store, 'append'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'loaded'>
}

interface ProbeFormRequest { readonly context?: Context, readonly finding?: ProbeFormFinding }

/**
 * Reads the probe form in force in a context, with its rule, and logs one that a worker has found or states.
 * @throws ForbiddenError, UnknownLevelError; StoreUnavailableError: send it again
 */
export async function acceptProbeForm (
  { config: { levels }, store, snapshotHolder }: ProbeFormServices, { context = {}, finding }: ProbeFormRequest, caller: Caller
): Promise<Static<typeof ProbeFormReplySchema>> {
  requireContext(caller, levels, context)
  const { snapshot, links, inputs } = snapshotHolder.loaded()
  const leaf = contextKey(levels, context)
  const policy = links.get(leaf)?.policy ?? effectivePolicy(inputs.defaultPolicy, inputs.policies, leaf)
  const key = certifyingKey(levels, policy.certify_at, leaf)
  const rule = ruleFor(snapshot, context)
  if (finding !== undefined && isNews(rule, finding)) {
    await store.append([{ type: 'probe_form', key, finding, by: caller.tokenName, ...prefixFor(links, key, caller.tokenPrefix) }])
  }
  return { context: key, is_known: rule.probeForm !== undefined, probe_form: rule.probeForm ?? null, rule: ruleReply(rule) }
}

/** Whether the learner may put it in force. */
function isNews ({ probeForm: known }: ContextRule, { form, is_stated: isStated }: ProbeFormFinding): boolean {
  return known == null || (isStated && form !== null && !areSameForms(known, form))
}
