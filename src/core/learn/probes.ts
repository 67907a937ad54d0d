import type { LoggedOutcome } from '../outcome/outcome.js'
import { addProbes, type CheckDistance, distanceAfter, FIRST_DISTANCE } from './check-distance.js'
import { addEndProbe, type ProbeFormState } from './probe-form.js'

/** How workers force answers, and when. */
export interface Probes {
  /** Part of the meaning of the evidence. `null`: no worker has said. */
  readonly form: ProbeFormState | null
  /** How far apart checks are where the policy says `auto`. */
  readonly distance: CheckDistance
}

export const NO_PROBES: Probes = { form: null, distance: FIRST_DISTANCE }

/** The probes of the next epoch. Another probe form, or another model after a reset, takes other tokens for a probe. */
export function probesAfter ({ form, distance }: Probes, cause: string): Probes {
  if (cause === 'reset') return NO_PROBES // which may mean another model
  return { form, distance: cause === 'probe_form' ? FIRST_DISTANCE : distanceAfter(distance) }
}

/** Counts the probes of an outcome. @param isControl whether it is a control one, which reports all its checks */
export function countProbes (
  probes: Probes, { end_probe: atEnd, steps, asked_tokens: tokens }: Pick<LoggedOutcome, 'end_probe' | 'steps' | 'asked_tokens'>,
  isControl: boolean
): Probes {
  const { form, distance } = probes
  if (!isControl && atEnd === undefined) return probes
  return {
    form: form === null || atEnd === undefined ? form : addEndProbe(form, atEnd === 1),
    distance: isControl ? addProbes(distance, steps?.length ?? 0, tokens) : distance,
  }
}
