import type { Caller } from '../access/context-access.js'
import { ownId } from '../access/scoped-id.js'
import type { Config } from '../config/config.js'
import { byPlace, wantedLabels, type WantedLabel } from '../core/enrolment/wanted-labels.js'
import { certifyingDepth } from '../core/policy/certifying-link.js'
import { chainOf } from '../core/policy/context.js'
import { effectivePolicy } from '../core/policy/policy.js'
import { at, ContextNotFoundError, InvalidInputError } from '../errors/errors.js'
import { readModelInputs } from '../replica/model-inputs.js'
import type { Store } from '../store/store.js'
import { checkKey } from './check-key.js'

export interface WantedLabelsQuery { readonly limit: number, readonly after?: string }

/** `next` is to be passed as `after` for the next page; `null`: this is the last one. */
export interface WantedLabelsPage { readonly generation_ids: string[], readonly next: string | null }

/**
 * Generations of a context, or of its pool, whose outcome awaits a label: those that the caller reported, the longest enrolled first.
 * @throws InvalidKeyError, ContextNotFoundError, InvalidInputError
 */
export async function readWantedLabels (
  store: Store, config: Config, key: string, { limit, after }: WantedLabelsQuery, caller: Caller): Promise<WantedLabelsPage> {
  checkKey(config, key)
  const place = after === undefined ? null : placeOf(after)
  const { policies, defaultPolicy, levels } = await readModelInputs(store, config, Date.now())
  const chain = chainOf(key)
  const depth = certifyingDepth(levels, effectivePolicy(defaultPolicy, policies, key).certify_at)
  const source = chain[Math.min(depth, chain.length - 1)]!
  const cohort = (await store.readCohorts([source])).get(source)
  if (cohort === undefined && !(await store.readContexts([key])).has(key)) throw new ContextNotFoundError(key)
  const wanted = (cohort === undefined ? [] : wantedLabels(cohort)).flatMap((label) => {
    const generation_id = ownId(caller, label.generation_id)
    return generation_id === null ? [] : [{ ...label, generation_id }]
  })
  const rest = place === null ? wanted : wanted.filter((label) => byPlace(label, place) > 0)
  const shown = rest.slice(0, limit)
  return { generation_ids: shown.map(({ generation_id: id }) => id), next: rest.length > limit ? cursorOf(shown.at(-1)!) : null }
}

/** The place of the last one on a page, which may be gone from the list when the next page is read. */
function cursorOf ({ at, u, generation_id }: WantedLabel): string {
  return Buffer.from(JSON.stringify([at, u, generation_id])).toString('base64url')
}

function placeOf (cursor: string): WantedLabel {
  try {
    const [at, u, generation_id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [unknown, unknown, unknown]
    if (typeof at === 'number' && typeof u === 'number' && typeof generation_id === 'string') return { at, u, generation_id }
  } catch { /* refused below */ }
  throw at('/after', new InvalidInputError('after is not the "next" of a page of this list: send it as it was, or omit it'))
}
