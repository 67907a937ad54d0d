import type { ModelInputs } from '../core/judgement/chain-link.js'
import { livePins } from '../core/judgement/pin.js'
import type { Levels } from '../core/policy/context.js'
import { UNREADABLE_POLICY, type PolicyPatch } from '../core/policy/policy.js'
import { livePredictors } from '../core/predictor/predictor-version.js'
import { UNREADABLE_PIN } from '../store/encoding/stored-values.js'
import type { Store } from '../store/store.js'

/** What the configuration says of every model. */
export interface ModelOptions { readonly levels: Levels, readonly defaultPolicy: PolicyPatch }

/**
 * Reads the policies, the pins that have not expired, and the predictors that are not retired. A damaged policy reads as mode `off`, a
 * damaged pin as never stop, so that doubt means continue.
 * @param now ms
 */
export async function readModelInputs (store: Store, { levels, defaultPolicy }: ModelOptions, now: number): Promise<ModelInputs> {
  const [policies, pins, versions] = await Promise.all([store.policies(), store.pins(), store.predictors()])
  return { levels, defaultPolicy, policies, pins: livePins(pins, now), predictors: livePredictors(versions) }
}

/** The damaged policies and pins, as phrases such as "the policy of model=q". */
export function unreadableInputs ({ policies, pins }: Pick<ModelInputs, 'policies' | 'pins'>): string[] {
  return [
    ...[...policies].flatMap(([key, policy]) => policy === UNREADABLE_POLICY ? [`the policy of ${key}`] : []),
    ...[...pins].flatMap(([key, pin]) => pin === UNREADABLE_PIN ? [`the pin of ${key}`] : []),
  ]
}
