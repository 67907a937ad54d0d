import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { noEvidence } from '../../src/core/stats/evidence.js'
import { NO_DRIFT } from '../../src/core/guards/drift.js'
import { GRID } from '../../src/core/decide/grid.js'
import { openEpoch } from '../../src/core/learn/context-state.js'
import { FIRST_UNITS } from '../../src/core/evidence/membership.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { simulatedService } from '../../test/simulation/service.js'
import { generate, planted } from '../../test/simulation/stream.js'
import { QUICK_POLICY } from '../../test/quick-policy.js'

// A pool of one lossless member is certified. Then another one joins it, with a twentieth of the traffic.

const BEFORE = 1000
const SHARE = 0.05
const LEVELS = ['task']

export interface NewMemberOptions {
  /** EM that stopping loses in the new member. */
  readonly drop: number
  /** Whether its first generations run in full; if not, the pool takes it for a member that it has known for long. */
  readonly isRuled: boolean
  /** Generations of the new member. */
  readonly generations: number
}

export interface NewMember {
  /** Generations of the member until it left; Infinity: it stayed. */
  readonly left: number
  /** Of these, how many were stopped, and the answers that this lost, in expectation. */
  readonly stopped: number
  readonly lost: number
  /** Tokens saved, a share of those of its full runs. */
  readonly saved: number
}

/** @returns `null` where the pool was not certified */
export function playNewMember ({ drop, isRuled, generations }: NewMemberOptions, seed: number): NewMember | null {
  const service = simulatedService(`salt-${seed}`, LEVELS, { certify_at: '*' })
  const random = seededRandom(seed)
  const [old, fresh] = [{ task: 'old' }, { task: 'new' }]
  for (let i = 0; i < BEFORE; i++) service.serve(generate(random, planted(0), `before-${seed}-${i}`, old).run)
  if (service.rule(old).threshold === null) return null
  if (!isRuled) service.set('task=new', knownIn(service.state('*')!.epoch.name))
  let [left, stopped, lost, used, full] = [Infinity, 0, 0, 0, 0]
  for (let i = 0, own = 0; own < generations; i++) {
    const isNew = random() < SHARE
    const { run, chance, steps } = generate(random, planted(isNew ? drop : 0), `after-${seed}-${i}`, isNew ? fresh : old)
    const { stoppedAt } = service.serve(run)
    if (!isNew) continue
    own++
    full += run.tokens
    const stop = steps[stoppedAt]
    used += stop === undefined ? run.tokens : Math.min(run.tokens, stop.tokens + (run.answer_tokens ?? 0))
    if (stop !== undefined) {
      stopped++
      lost += chance - stop.chance
    }
    if (left === Infinity && service.changes.at(-1)?.cause === 'left_pool') left = own
  }
  return { left, stopped, lost, saved: 1 - used / full }
}

/** The state of a member that its pool has known for so long that ten losses say nothing. */
function knownIn (epoch: string) {
  const policy = { ...DEFAULT_POLICY, certify_at: '*', ...QUICK_POLICY }
  const evidence = { ...noEvidence(GRID.length), generations: 1e6 }
  const membership = { epoch, units: FIRST_UNITS, is_known: true, scorer: 0, evidence, drift: NO_DRIFT, unwatched: [], left_at: null }
  return { ...openEpoch(undefined, { cause: 'first_enrolment', policy, levels: LEVELS, time: 0, name: '0' }), membership }
}
