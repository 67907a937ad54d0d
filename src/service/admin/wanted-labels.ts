import { setTimeout } from 'node:timers/promises'
import type { Static } from '#typebox'
import type { WantedLabelsSchema } from '../../../openapi/context-schemas.js'
import { isoTime } from '../../../openapi/wire.js'
import { byPlace, type WantedLabel, wantedLabels } from '../../core/evidence/index.js'
import { certifyingDepth, chainOf, effectivePolicy } from '../../core/policy/index.js'
import { at, ContextNotFoundError, InvalidInputError } from '../../errors/errors.js'
import type { Store } from '../../store/store.js'
import { type Caller, ownId } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import { type KeptAnswers, readAnswers } from '../outcomes/kept-answers.js'
import type { LoadedSnapshot } from '../snapshot/load-snapshot.js'
import { checkKey, SEE_LIST } from './context-reader.js'

/** Time between two looks of a call that waits, ms, and the calls that a replica lets wait at once. */
const LOOK_MS = 500
const MAX_WAITING = 50

interface WantedServices {
  readonly store: Pick<Store, 'readCohorts' | 'readContexts' | 'answers'>
  readonly config: Config
  readonly snapshotHolder: { readonly loaded: () => Pick<LoadedSnapshot, 'inputs'> }
}

/** The lists of wanted labels, for graders that follow them. @param lookMs time between two looks of a call that waits */
export function createWantedLabels (services: WantedServices, lookMs = LOOK_MS) {
  const ended = new AbortController()
  let waiting = 0

  return {
    /**
     * A page. If it is empty, the call waits for the first generation on it: of too many such calls, the latest get their empty page at
     * once.
     * @param gone aborts when the caller goes away
     */
    async page (
      key: string, { wait_seconds: seconds = 0, ...query }: WaitingQuery, caller: Caller, gone: AbortSignal): Promise<WantedLabelsPage> {
      const until = performance.now() + seconds * 1000
      const signal = AbortSignal.any([gone, ended.signal])
      let page = await readWantedLabels(services, key, query, caller)
      if (waiting >= MAX_WAITING) return page
      waiting++
      try {
        while (page.generation_ids.length === 0 && performance.now() < until && !signal.aborted) {
          await setTimeout(Math.min(lookMs, Math.max(1, until - performance.now())), undefined, { signal }).catch(() => {})
          page = await readWantedLabels(services, key, query, caller)
        }
        return page
      } finally {
        waiting--
      }
    },
    /** Ends the calls that wait, and lets no other wait. */
    close () { ended.abort() },
  }
}

interface WantedLabelsQuery {
  readonly limit: number
  readonly after?: string
  /** Whether the page has the answers to be graded. */
  readonly answers?: boolean
}

interface WaitingQuery extends WantedLabelsQuery { readonly wait_seconds?: number }

type WantedLabelsPage = Static<typeof WantedLabelsSchema>

/**
 * Generations of a context, or of its pool, whose outcome awaits a label: those that the caller reported, the longest enrolled first.
 * @throws InvalidKeyError, ContextNotFoundError, InvalidInputError
 */
export async function readWantedLabels (
  { store, config, snapshotHolder }: WantedServices, key: string, { limit, after, answers = false }: WantedLabelsQuery, caller: Caller
): Promise<WantedLabelsPage> {
  checkKey(config, key)
  const place = after === undefined ? null : placeOf(after)
  const { policies, defaultPolicy } = snapshotHolder.loaded().inputs
  const chain = chainOf(key)
  const depth = certifyingDepth(config.levels, effectivePolicy(defaultPolicy, policies, key).certify_at)
  const source = chain[Math.min(depth, chain.length - 1)]!
  const cohort = (await store.readCohorts([source])).get(source)
  if (cohort === undefined && !(await store.readContexts([key])).has(key)) throw new ContextNotFoundError(key, SEE_LIST)
  const wanted = (cohort === undefined ? [] : wantedLabels(cohort)).flatMap((label) => {
    const generation_id = ownId(caller, label.generation_id)
    return generation_id === null ? [] : [{ ...label, generation_id, stored_id: label.generation_id }]
  })
  const rest = place === null ? wanted : wanted.filter((label) => byPlace(label, place) > 0)
  const shown = rest.slice(0, limit)
  return {
    generation_ids: shown.map(({ generation_id: id }) => id),
    ...(answers && { wanted: await readTexts(store, shown) }),
    next: rest.length > limit ? cursorOf(shown.at(-1)!) : null,
    last: shown.length === 0 ? after ?? null : cursorOf(shown.at(-1)!),
  }
}

/** The texts of the newest generations of a certifying context whose label is wanted, as far as they are kept. */
export async function readNewestTexts (store: Store, source: string, count: number): Promise<KeptAnswers[]> {
  const cohort = (await store.readCohorts([source])).get(source)
  const newest = cohort === undefined ? [] : wantedLabels(cohort).slice(-count)
  return [...(await readAnswers({ store }, newest.map(({ generation_id: id }) => id))).values()]
}

interface Listed extends WantedLabel { readonly stored_id: string }

async function readTexts (store: WantedServices['store'], listed: readonly Listed[]): Promise<WantedText[]> {
  const kept = await readAnswers({ store }, listed.map(({ stored_id: id }) => id))
  return listed.flatMap(({ generation_id, stored_id: id }) => kept.has(id) ? [toGrade(generation_id, kept.get(id)!)] : [])
}

type WantedText = NonNullable<WantedLabelsPage['wanted']>[number]

function toGrade (generation_id: string, { answer, early, steps, prompt, until }: KeptAnswers): WantedText {
  return {
    generation_id,
    answer: answer ?? null,
    early: early.map((one) => ({ answer: one.answer, steps: [...one.steps] })),
    steps,
    prompt: prompt ?? null,
    until: isoTime(until),
  }
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
