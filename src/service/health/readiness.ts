import type { ChainLink } from '../../core/learn/index.js'
import { CONTEXT_PROBLEMS, CONTEXT_WARNINGS, type ContextWarning, isEvidenceWarning } from '../../core/decide/index.js'
import { hasLeft } from '../../core/evidence/index.js'
import { certifyingKey, type Levels, memberProblem } from '../../core/policy/index.js'
import type { Store, StoreLoss } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { hasShare, isFull } from '../snapshot/context-room.js'
import { unreadableInputs } from '../snapshot/load-snapshot.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** A part of the service that may have a problem; `null`: it has none. */
interface Watched { readonly problem: () => string | null }

/** Whether stopping is paused on this replica, and that in words. */
interface PauseState { readonly paused: boolean, readonly message: string }

interface HealthServices {
  readonly config: Pick<Config, 'levels' | 'maxContexts'>
  readonly store: Pick<Store, 'kind' | 'isUp' | 'warnings'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'ageSeconds' | 'freshness' | 'lag' | 'loaded' | 'loss' | 'problem' | 'snapshot' | 'wasStoreAway'>
  readonly learner: Watched & { readonly isLeader: () => boolean }
  readonly configurations: Watched
  readonly access: Watched & { readonly prefixes: () => readonly string[] }
  readonly pause: { readonly view: (isNaming: boolean) => Promise<PauseState> }
  /** `null`: plain HTTP. */
  readonly tls: Watched | null
}

const STORE_DOWN = 'The store cannot be reached. Decisions continue with the last snapshot; outcomes are refused with 503. Check REDIS_URL and the Redis server.'

/** Warnings that an outage of the store causes, too: lists of enrolments, outcomes and steps did not reach it in time. */
const BY_OUTAGE: ReadonlySet<ContextWarning> = new Set(['outcomes_missing', 'steps_missing', 'left_out_high'])

/**
 * @param contexts e.g. "2 contexts"
 * @param wasAway whether the store was away in the last half an hour
 */
function textOf (warning: ContextWarning, contexts: string, wasAway: boolean): string {
  const { problem, cure } = CONTEXT_PROBLEMS[warning]
  if (wasAway && BY_OUTAGE.has(warning)) return `In ${contexts} ${problem}. The store was away in the last half an hour, which causes this for a time: look at the workers only if it stays`
  const page = isEvidenceWarning(warning) ? ' (docs/operate/monitoring.md#warnings)' : ''
  return `In ${contexts} ${problem}. ${cure[0]!.toUpperCase()}${cure.slice(1)}${page}`
}

/** The number of contexts that a warning names, and its text for callers who must not know their names. */
const NAMED = 5
const WITHHELD = 'call GET /readyz with the token of an operator to see them'

/**
 * The reply of `GET /readyz`: whether this replica can take traffic, and what needs attention. A replica is ready once it has loaded a
 * snapshot.
 * @param isNaming whether warnings may name contexts, which may be those of tenants
 */
export async function readiness (services: HealthServices, isNaming: boolean) {
  const { store, snapshotHolder, learner } = services
  return {
    ready: snapshotHolder.ageSeconds() !== null,
    store: { kind: store.kind, up: store.isUp() },
    snapshot: snapshotView(snapshotHolder),
    learner: { leader: learner.isLeader() },
    warnings: [...await store.warnings().catch(() => [STORE_DOWN]), ...warnings(services, await services.pause.view(isNaming), isNaming)],
  }
}

function warnings (services: HealthServices, pause: PauseState, isNaming: boolean): string[] {
  const { config, store, snapshotHolder, learner, configurations, access, tls } = services
  const list = (names: Iterable<string>): string | null => namesOf(names, isNaming)
  const { unreadable, inputs, links } = snapshotHolder.loaded()
  const damaged = unreadableInputs(inputs)
  const found: Array<[problem: string | null | undefined, say: (problem: string) => string]> = [
    [pause.paused ? pause.message : null, (message) => `${message} End the pause on the Fleet view of the operators' page, or by DELETE /v1/pause?reason=...`],
    [lossOf(snapshotHolder.loss()), (what) => `${what}. Then acknowledge it on the operators' page, or by POST /v1/store-loss/acknowledgement {"reason": "..."}`],
    [learner.problem(), (problem) => `The learner is failing, so nothing is learned. See its log for details: ${problem}`],
    [snapshotHolder.problem(), (problem) => `The snapshot cannot be loaded, so the previous one stays in force. See the log for details: ${problem}`],
    [store.isUp() ? unlearned(snapshotHolder) : null, (waiting) => `Outcomes are stored but not yet learned: ${waiting}. If the time grows, see the log of the learner and restart it`],
    [list(unreadable), (keys) => `The state of ${contexts(unreadable.size)} cannot be read. Generations there go on, and a new epoch starts once a learner runs: ${keys}`],
    [list(damaged), (keys) => `Policies or pins cannot be read, so their contexts continue. PUT or DELETE each of them again: ${keys}`],
    ...CONTEXT_WARNINGS.map((warning): typeof found[number] => {
      const keys = [...links.values()].filter((link) => link.warnings.includes(warning)).map(({ key }) => key)
      return [list(keys), (named) => `${textOf(warning, contexts(keys.length), snapshotHolder.wasStoreAway())}: ${named}`]
    }),
    [list(uncovered(inputs.levels, links)), (keys) => `These contexts differ from their pool in a field that the pool certifies, so nothing is stopped in them. Give them the pool's values, or certify them on their own with certify_at: "${inputs.levels.at(-1)}": ${keys}`],
    [list(leftOf(inputs.levels, links)), (keys) => `These contexts have left their pool, since their own generations lose more EM than it allows. Until the pool's next epoch, only a pin stops generations in them. To certify them on their own, set their certify_at to "${inputs.levels.at(-1)}", which also starts that epoch: ${keys}`],
    [configurations.problem(), (problem) => `Replicas differ in CONTEXT_LEVELS or DEFAULT_POLICY, so each decides in its own way and undoes what the others learn. Give all replicas the same configuration: ${problem}`],
    [isFull(links, config) ? String(config.maxContexts) : null, (limit) => `There are ${limit} contexts, the limit (MAX_CONTEXTS). Outcomes of new contexts count only for their existing parents, and nothing is certified for them. Find out which clients name so many contexts, or raise the limit`],
    [list(access.prefixes().filter((prefix) => hasShare(links, config, prefix))), (prefixes) => `The tokens of some prefixes have a quarter of MAX_CONTEXTS, which is their share. Outcomes of further contexts there count only for their existing parents. Let their clients name fewer contexts, or raise the limit: ${prefixes}`],
    [access.problem(), (problem) => `The changed access tokens are not in force; the previous ones are. ${problem}`],
    [tls?.problem(), (problem) => `The changed certificate is not in force; the previous one is. ${problem}`],
  ]
  return found.flatMap(([problem, say]) => problem == null ? [] : [say(problem)])
}

const RESTORE = 'If nobody imported a state, import the last backup (docs/operate/backup.md); otherwise everything is learned again'

/** The loss and the remedy, by the kind of the loss. */
const LOSSES: Readonly<Record<StoreLoss['kind'], string>> = {
  replaced: `is another one than before, so what was learned is lost. ${RESTORE}`,
  older: `went back to an older state, so what was learned since then is lost. ${RESTORE}`,
  unreadable: 'has contexts whose state cannot be read. They learn again, and the history names them. ' +
    'Import the last backup (docs/operate/backup.md) only if they matter more than what all others have learned since',
}

function lossOf (loss: StoreLoss | null): string | null {
  return loss === null ? null : `Since ${new Date(loss.at).toISOString()} the store ${LOSSES[loss.kind]}`
}

/**
 * Log entries that wait for the learner, if they make the snapshot stale. The age of a snapshot is that of the oldest entry that it lacks.
 */
function unlearned ({ lag, ageSeconds, freshness }: HealthServices['snapshotHolder']): string | null {
  const age = ageSeconds()
  return lag() === 0 || age === null || freshness() === 'fresh' ? null : `${lag()} log entries wait, the oldest for ${Math.round(age)} s`
}

/** Contexts that have left their pool. Only for the few that ever left one is the pool looked up, which takes longest. */
function leftOf (levels: Levels, links: ReadonlyMap<string, ChainLink>): string[] {
  // A leaf of other levels may have no pool by now.
  const poolEpochOf = ({ key, policy }: ChainLink) => links.get(certifyingKey(levels, policy.certify_at, key))?.epochName
  const gone = [...links.values()].filter((link) => link.leftEpoch !== null && hasLeft(link.leftEpoch, poolEpochOf(link)))
  return gone.map(({ key }) => key)
}

const uncoveredOf = new WeakMap<ReadonlyMap<string, ChainLink>, string[]>()

/**
 * Contexts that their pool does not cover. A change of a policy would be refused; DEFAULT_POLICY and an import are not. They are remembered
 * as long as the snapshot is the same: finding them takes some 15 ms with 10,000 contexts, and clients may ask for readiness often.
 */
function uncovered (levels: Levels, links: ReadonlyMap<string, ChainLink>): string[] {
  let keys = uncoveredOf.get(links)
  if (keys === undefined) {
    const pooled = [...links.values()].filter(({ policy }) => policy.certify_at !== null)
    keys = pooled.filter(({ key }) => memberProblem((at) => links.get(at)!.policy, levels, key) !== null).map(({ key }) => key)
    uncoveredOf.set(links, keys)
  }
  return keys
}

function contexts (number: number): string { return number === 1 ? 'one context' : `${number} contexts` }

/** The first of some names; `null`: there are none. */
function namesOf (names: Iterable<string>, isNaming: boolean): string | null {
  const named = [...names].slice(0, NAMED)
  return named.length === 0 ? null : isNaming ? named.join(', ') : WITHHELD
}

/** The snapshot with which this replica decides, in short. */
export function snapshotView ({ snapshot, ageSeconds, freshness }: Pick<SnapshotHolder, 'snapshot' | 'ageSeconds' | 'freshness'>) {
  return { version: snapshot().version, age_seconds: ageSeconds(), stale: freshness() !== 'fresh' }
}

interface SnapshotServices {
  readonly store: Pick<Store, 'kind' | 'isUp'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'ageSeconds' | 'freshness' | 'lag' | 'loaded'>
  readonly learner: { readonly isLeader: () => boolean }
}

/** The reply of `GET /v1/snapshot`: the snapshot with which this replica decides. */
export function snapshotStatus ({ store, snapshotHolder, learner }: SnapshotServices) {
  const { snapshot, links } = snapshotHolder.loaded()
  return {
    version: snapshot.version,
    state_id: snapshot.stateId,
    levels: [...snapshot.levels],
    contexts: links.size,
    thresholds_in_force: [...links.values()].filter(({ index }) => index !== -1).length,
    age_seconds: snapshotHolder.ageSeconds(),
    stale: snapshotHolder.freshness() !== 'fresh',
    store: { kind: store.kind, up: store.isUp() },
    learner: { leader: learner.isLeader(), log_lag: snapshotHolder.lag() },
  }
}
