import { isoTime } from '../../../openapi/wire.js'
import { textDigest, uniform } from '../../core/decide/index.js'
import { fingerprintOf, MAX_PREDICTORS, type Predictor, predictorProblem, type PredictorVersion } from '../../core/scores/index.js'
import type { Origin, PredictorEntry } from '../../core/learn/index.js'
import {
  at, invalid, InvalidInputError, PredictorExistsError, PredictorNotFoundError, TooManyPredictorsError,
} from '../../errors/errors.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { createCommander } from '../learner/commander.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** A predictor's training data in numbers, with a digest of the salt under which its groups were drawn. */
type Trained = Predictor['trained'] & { readonly salt_digest: string }

/** A predictor that a client imports. The ids of the groups that it was trained on are kept as their draws. */
interface PredictorRequest extends Omit<Predictor, 'name' | 'trained'> {
  readonly name?: string
  readonly trained?: Partial<Trained>
  readonly trained_group_ids?: readonly string[]
}

export type PredictorVersions = ReturnType<typeof createPredictorVersions>

const FOREIGN_DRAWS = '/trained/groups are draws of another service (salt_digest) and would exclude nothing here: omit them, and list in trained_group_ids ' +
  'the training groups that may come here'

export function createPredictorVersions (store: Store, snapshotHolder: SnapshotHolder, { levels }: Pick<Config, 'levels'>) {
  const command = createCommander(store, snapshotHolder)

  /** A predictor as `GET /v1/predictors` lists it. */
  function viewOf ({ predictor, by, created_at, retired_at }: PredictorVersion) {
    const scored = [...snapshotHolder.loaded().links.values()].filter(({ policy }) => policy.score === predictor.name)
    return {
      name: predictor.name,
      label: predictor.label,
      status: retired_at === null ? 'live' as const : 'retired' as const,
      by,
      created_at: isoTime(created_at),
      retired_at: retired_at === null ? null : isoTime(retired_at),
      /** Number of contexts for which it has its own weights. */
      contexts: Object.keys(predictor.contexts).length,
      signals: predictor.signals.map(({ name }) => name),
      trained_generations: predictor.trained.generations,
      /** Number of contexts whose policy names it as the score, and of those in which a certified threshold of it is in force. */
      scores_in: scored.length,
      serving_in: scored.filter(({ threshold }) => threshold !== null).length,
      calibration: predictor.calibration ?? null,
      held_out_savings: predictor.held_out_savings ?? {},
    }
  }

  async function versionOf (name: string): Promise<PredictorVersion> {
    const version = (await store.predictors()).get(name)
    if (version === undefined) throw new PredictorNotFoundError(name)
    return version
  }

  /** @throws StoreUnavailableError before the store has been reached */
  function knownSalt (): string {
    const { salt } = snapshotHolder.snapshot()
    if (salt === null) throw new StoreUnavailableError('the store has not been reached yet')
    return salt
  }

  function predictorOf (name: string, { trained_group_ids: ids = [], trained: stated = {}, ...rest }: PredictorRequest): Predictor {
    const { salt_digest: digest, ...trained } = stated
    const salt = knownSalt()
    if (trained.groups?.length && digest !== textDigest(salt)) throw at('/trained/groups', new InvalidInputError(FOREIGN_DRAWS))
    const groups = [...new Set([...trained.groups ?? [], ...ids.map((id) => uniform(salt, id))])].sort((a, b) => a - b)
    const predictor = { ...rest, name, trained: { generations: 0, steps: 0, ...trained, groups } }
    const problem = predictorProblem(predictor, levels)
    if (problem !== null) throw invalid(problem)
    return predictor
  }

  /** Entries that make room for one more predictor by removing the oldest retired one. @throws TooManyPredictorsError */
  function makeRoom (versions: ReadonlyMap<string, PredictorVersion>, origin: Origin): PredictorEntry[] {
    if (versions.size < MAX_PREDICTORS) return []
    const oldest = [...versions].find(([, { retired_at: end }]) => end !== null)
    if (oldest === undefined) throw new TooManyPredictorsError(String(versions.size))
    return [{ type: 'predictor', name: oldest[0], version: null, ...origin }]
  }

  return {
    async list () { return [...(await store.predictors()).values()].map(viewOf).reverse() },

    async get (name: string) {
      const version = await versionOf(name)
      const { predictor } = version
      return { ...viewOf(version), definition: { ...predictor, trained: { ...predictor.trained, salt_digest: textDigest(knownSalt()) } } }
    },

    /** Imports a predictor, which policies may then name. A repeated call changes nothing, or restores a retired predictor. */
    async put (name: string, request: PredictorRequest, origin: Origin) {
      const predictor = predictorOf(name, request)
      await command(async () => {
        const versions = await store.predictors()
        const existing = versions.get(name)
        if (existing !== undefined && fingerprintOf(existing.predictor) !== fingerprintOf(predictor)) throw new PredictorExistsError(name)
        if (existing?.retired_at === null) return []
        const room = existing === undefined ? makeRoom(versions, origin) : []
        const version = { predictor: existing?.predictor ?? predictor, created_at: Date.now(), by: origin.by, retired_at: null }
        return [...room, { type: 'predictor', name, version, ...origin }]
      })
      return viewOf(await versionOf(name))
    },

    /** Retires a predictor. Where policies name it, nothing is stopped from now on. */
    async retire (name: string, origin: Required<Origin>) {
      await command(async () => {
        const version = await versionOf(name)
        if (version.retired_at !== null) return []
        return [{ type: 'predictor', name, version: { ...version, retired_at: Date.now() }, ...origin }]
      })
    },
  }
}
