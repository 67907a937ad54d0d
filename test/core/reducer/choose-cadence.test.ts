import t from 'tap'
import { evidenceOf } from '../../../src/core/contexts/context-state.js'
import { cadenceInForce, EXPLORED } from '../../../src/core/contexts/automatic-cadence.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import { describeContext } from '../../../src/core/reports/context-report.js'
import { nextCheckTokens, type PolicyPatch } from '../../../src/core/policy/policy.js'
import { LEAF, memoryFold, type MemoryFold, outcomeOf, policyWith } from './memory-fold.js'

/** Full runs whose answer is sure and right from half of their tokens on, asked at the cadence in force. */
function run (fold: MemoryFold, id: string, tokens: number, probe: number, everyTokens?: number): LoggedOutcome {
  const told = cadenceInForce(policyWith(policy(fold)), fold.get(LEAF)?.auto_cadence)
  const cadence = { ...told, minTokens: 0, ...(everyTokens !== undefined && { checkEveryTokens: everyTokens, checkGrowth: 0 }) }
  const at: number[] = []
  for (let due = nextCheckTokens(cadence, 0, id); due <= tokens; due = nextCheckTokens(cadence, due, id)) at.push(due)
  return outcomeOf({
    generation_id: id,
    tokens,
    asked_tokens: probe * at.length,
    steps: at.map((due, i) => {
      const isKnown = due >= tokens / 2
      return { tokens: due, confidence: isKnown ? 1 : 0.1, exact_match: isKnown ? 1 : 0, asked_tokens: probe * (i + 1) }
    }),
  })
}

const policy = (fold: MemoryFold): PolicyPatch => ({ check_every_tokens: 'auto', ...fold.ledger.policies.get(LEAF) })

function learnRuns (fold: MemoryFold, count: number, tokens: number, probe = 1, time = 1): void {
  for (let i = 0; i < count; i++) fold.learn(run(fold, `g${fold.state.length}-${time}-${i}`, tokens, probe), time)
}

function view (fold: MemoryFold) {
  const { configuration: { levels, defaults }, policies, pins } = fold.ledger
  return describeContext({ levels, defaultPolicy: defaults, policies, pins, predictors: fold.predictors, states: fold.states }, LEAF)
}

const AUTO: PolicyPatch = { check_every_tokens: 'auto' }

t.test('the first 64 control generations are asked on the grid, and the choice opens an epoch with its numbers', async (t) => {
  const fold = memoryFold(AUTO)
  learnRuns(fold, EXPLORED - 1, 400)
  const meaning = { is_cadence_automatic: true, check_every_tokens: 8, check_growth: 1 / 8 }
  t.match(fold.state(), { epoch: 1, meaning, threshold_index: -1, control_share: 1 })
  t.match(view(fold).cadence, { source: 'exploring', explored: { generations: EXPLORED - 1, needed: EXPLORED }, choice: null })
  learnRuns(fold, 1, 400, 1, 2)
  const { epoch, epoch_cause, meaning: chosen, auto_cadence: cadence } = fold.state()
  t.match({ epoch, epoch_cause }, { epoch: 2, epoch_cause: 'cadence' })
  t.match(cadence, { choice: { reason: 'saves', generations: EXPLORED, tokens: 400, probe_tokens: 1, looked_at: 2 }, exploration: null })
  const { check_every_tokens, check_growth } = cadence!.choice!
  t.match(chosen, { check_every_tokens, check_growth })
  t.equal(evidenceOf(fold.state()).generations, 0, 'of the exploration nothing is evidence')
  t.match(fold.changes, [{ key: LEAF, cause: 'cadence', epoch: 2 }])
  t.match(view(fold).cadence, { source: 'chosen', explored: null, check_every_tokens, check_growth, choice: { candidates: [{ check_every_tokens, check_growth }] } })
})

t.test('the chosen cadence is certified by the generations after it', async (t) => {
  const fold = memoryFold(AUTO)
  learnRuns(fold, EXPLORED, 400)
  learnRuns(fold, 191, 400, 1, 3)
  t.equal(fold.state().threshold, null)
  learnRuns(fold, 1, 400, 1, 4)
  t.not(fold.state().threshold, null)
})

t.test('nothing is certified while it is explored, even if a wide bound needs fewer generations', async (t) => {
  const fold = memoryFold({ ...AUTO, max_em_drop: 0.2 })
  learnRuns(fold, EXPLORED - 1, 400)
  t.equal(fold.state().threshold_index, -1)
})

t.test('dear probes are spread: over the exploration they take at most a quarter of the tokens', async (t) => {
  for (const [tokens, probe] of [[60, 4], [400, 16], [2000, 16], [2000, 1]] as const) {
    const fold = memoryFold(AUTO)
    const outcomes = Array.from({ length: EXPLORED - 1 }, (_, i) => {
      const outcome = run(fold, `dear-${tokens}-${probe}-${i}`, tokens, probe)
      fold.learn(outcome, 1)
      return outcome
    })
    const sum = (of: (outcome: LoggedOutcome) => number) => outcomes.slice(1).reduce((total, outcome) => total + of(outcome), 0)
    t.ok(sum((one) => one.asked_tokens!) <= 0.27 * sum((one) => one.tokens), `${tokens} tokens, probes of ${probe}`)
    t.ok(sum((one) => one.steps!.length) > EXPLORED / 2, 'and still there are probes')
  }
})

t.test('dearer probes make for a longer distance', async (t) => {
  const [cheap, dear] = [1, 16].map((probe) => {
    const fold = memoryFold(AUTO)
    learnRuns(fold, EXPLORED, 400, probe)
    return fold.state().auto_cadence!.choice!
  })
  t.ok(cheap!.check_every_tokens < dear!.check_every_tokens)
})

t.test('outcomes that come with steps of their own are chosen from as they are', async (t) => {
  const fold = memoryFold(AUTO)
  for (let i = 0; i < EXPLORED; i++) fold.learn(run(fold, `own-${i}`, 400, 1, 50), 1)
  t.match(fold.state(), { epoch_cause: 'cadence', meaning: { check_every_tokens: 64 } })
})

t.test('steps further apart than any candidate are explored no longer than eight generations', async (t) => {
  const fold = memoryFold(AUTO)
  for (let i = 0; i < 8; i++) fold.learn(run(fold, `votes-${i}`, 60_000, 0, 6000), 1)
  t.match(fold.state(), { epoch_cause: 'cadence', meaning: { check_every_tokens: 256 } })
})

t.test('after a checkpoint it looks again, at the cadence in force; only a better one opens an epoch', async (t) => {
  const fold = memoryFold(AUTO)
  learnRuns(fold, EXPLORED, 400)
  const { check_every_tokens: before } = fold.state().auto_cadence!.choice!
  const checkpoint = (step: number) => fold.learn({ type: 'checkpoint', key: LEAF, run: 'r', step, by: 'trainer' }, 10 * step)
  checkpoint(1)
  t.match(fold.state(), { epoch_cause: 'checkpoint', meaning: { check_every_tokens: before } })
  t.match(view(fold).cadence, { source: 'chosen', explored: { generations: 0 } })
  learnRuns(fold, EXPLORED, 400, 1, 11)
  t.match(fold.state(), { epoch_cause: 'checkpoint', auto_cadence: { exploration: null, choice: { check_every_tokens: before, looked_at: 11 } } }, 'the same lengths leave it')
  t.equal(evidenceOf(fold.state()).generations, EXPLORED, 'and cost no evidence')
  checkpoint(2)
  learnRuns(fold, EXPLORED, 300, 1, 21)
  t.match(fold.state(), { epoch_cause: 'checkpoint', auto_cadence: { choice: { check_every_tokens: before, looked_at: 21 } } }, 'so do slightly shorter ones')
  checkpoint(3)
  learnRuns(fold, EXPLORED, 30, 1, 31)
  t.match(fold.state(), { epoch_cause: 'cadence', auto_cadence: { choice: null, exploration: { costs: { generations: 0 } } } }, 'those that end before any check are explored again')
  learnRuns(fold, EXPLORED, 30, 1, 32)
  t.match(fold.state(), { epoch_cause: 'cadence', auto_cadence: { exploration: null, choice: { reason: 'saves', looked_at: 32, tokens: 30 } } })
  t.ok(fold.state().auto_cadence!.choice!.check_every_tokens < before)
})

t.test('lengths or probe costs that change by half start another look, once per evidence age', async (t) => {
  for (const [tokens, probe] of [[250, 16], [800, 16], [400, 32], [400, 7]] as const) {
    const isOther = tokens !== 250
    const fold = memoryFold({ ...AUTO, max_evidence_age_seconds: 1000 })
    learnRuns(fold, EXPLORED, 400, 16, 1)
    const looks = (time: number) => {
      learnRuns(fold, EXPLORED, tokens, probe, time)
      return fold.state().auto_cadence!.exploration !== null
    }
    t.notOk(looks(500_000), 'not within the evidence age')
    t.equal(looks(1_000_001), isOther, `${tokens} tokens, probes of ${probe}`)
    if (!isOther) continue
    learnRuns(fold, EXPLORED, tokens, probe, 1_000_002)
    t.match(fold.state().auto_cadence, { exploration: null, choice: { looked_at: 1_000_002, tokens, probe_tokens: probe } })
    t.notOk(looks(1_500_000), 'it is seen')
  }
})

t.test('a look late in an epoch takes as many runs as the first, and withdraws a threshold only where none saves any more', async (t) => {
  for (const probe of [2, 200]) {
    const fold = memoryFold({ ...AUTO, max_evidence_age_seconds: 1000 })
    learnRuns(fold, EXPLORED, 400)
    learnRuns(fold, 6 * EXPLORED, 400, 1, 2)
    const { epoch, threshold } = fold.state()
    t.not(threshold, null)
    learnRuns(fold, EXPLORED, 400, probe, 1_000_001)
    learnRuns(fold, EXPLORED - 1, 400, probe, 1_000_002)
    t.match(fold.state().auto_cadence, { exploration: { costs: { generations: EXPLORED - 1 } } })
    learnRuns(fold, 1, 400, probe, 1_000_003)
    if (probe === 2) t.match(fold.state(), { epoch, threshold, auto_cadence: { choice: { looked_at: 1_000_003 } } })
    else t.match(fold.state(), { epoch: epoch + 1, epoch_cause: 'cadence', threshold: null, auto_cadence: { choice: null } })
  }
})

t.test('a stated number ends the automatic cadence, and "auto" explores again', async (t) => {
  const fold = memoryFold(AUTO)
  learnRuns(fold, EXPLORED, 400)
  fold.learn({ type: 'policy', key: LEAF, policy: { check_every_tokens: 32 }, by: 'ops' }, 5)
  t.match(fold.state(), { epoch_cause: 'policy', auto_cadence: null, meaning: { is_cadence_automatic: false, check_every_tokens: 32 } })
  t.match(view(fold).cadence, { source: 'policy', check_every_tokens: 32, explored: null, choice: null })
  fold.learn({ type: 'policy', key: LEAF, policy: { check_every_tokens: 'auto' }, by: 'ops' }, 6)
  t.match(fold.state(), { epoch_cause: 'policy', auto_cadence: { choice: null } })
})

t.test('other epochs keep the choice, and no epoch of the service\'s own is a look of people', async (t) => {
  const fold = memoryFold(AUTO)
  learnRuns(fold, EXPLORED, 400)
  const { choice } = fold.state().auto_cadence!
  t.equal(fold.state().looks.count, 0)
  fold.learn({ type: 'policy', key: LEAF, policy: { min_tokens: 8 }, by: 'ops' }, 5)
  t.match(fold.state(), { epoch_cause: 'policy', auto_cadence: { choice, exploration: null } })
})

t.test('a pool explores as a whole', async (t) => {
  const fold = memoryFold({ ...AUTO, certify_at: 'model' })
  for (let i = 0; i < EXPLORED; i++) fold.learn({ ...run(fold, `pool-${i}`, 400, 1), context: { model: 'q', task: i % 2 ? 'a' : 'b' } }, 1)
  t.match(fold.state('model=q'), { epoch_cause: 'cadence', meaning: { is_cadence_automatic: true } })
  t.match(fold.state('model=q,task=a'), { epoch: 1 })
})

t.test('outcomes without labels do not keep it exploring for ever', async (t) => {
  const fold = memoryFold(AUTO)
  for (let i = 0; i < 4 * EXPLORED; i++) {
    const { steps, ...outcome } = run(fold, `unlabelled-${i}`, 400, 1)
    fold.learn({ ...outcome, full: {}, steps: steps!.map(({ exact_match: _, ...step }) => step) }, 1)
  }
  t.equal(fold.state().epoch_cause, 'cadence')
})

t.test('where none saves it hardly asks, so after a checkpoint and at other lengths it is explored again', async (t) => {
  const isUnexplored = { meaning: { check_every_tokens: 8, check_growth: 1 / 8 }, auto_cadence: { choice: null } }
  const hopeless = () => {
    const fold = memoryFold({ ...AUTO, max_evidence_age_seconds: 1000 })
    learnRuns(fold, EXPLORED, 30, 16)
    t.match(fold.state(), { epoch: 2, meaning: { check_every_tokens: 256, check_growth: 1 / 4 }, auto_cadence: { choice: { reason: 'probe_cost' } } })
    return fold
  }
  const served = hopeless()
  served.learn({ type: 'checkpoint', key: LEAF, run: 'r', step: 1, by: 'trainer' }, 2)
  t.match(served.state(), { epoch: 3, epoch_cause: 'checkpoint', ...isUnexplored })

  const longer = hopeless()
  learnRuns(longer, 2 * EXPLORED, 100, 16, 1_000_001)
  t.match(longer.state(), { epoch: 3, epoch_cause: 'cadence', ...isUnexplored }, 'no check fell into the next 64')
})
