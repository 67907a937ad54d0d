import { Counter, Gauge, type Registry } from 'prom-client'
import { barOf, grossSavedRatio, probeOverhead, tokensSavedRatio } from '../../core/stats/index.js'
import { ALARM, BREACH, emDifference as emDifferenceOf, fidelitySuspicion } from '../../core/guards/index.js'
import { type ChainLink, type ContextState, probeValidity, WITHDRAWALS } from '../../core/learn/index.js'
import { CONTEXT_WARNINGS, CONTEXT_WARNINGS_TEXT } from '../../core/decide/index.js'
import { accountedEvidence, cancelledRatio, followUpRatio, knownEvidence, NO_FOLLOW_UP } from '../../core/evidence/index.js'
import { type Policy, ROOT } from '../../core/policy/index.js'
import type { FitResult } from '../../core/scores/index.js'
import { describeArms, describeFidelity, describeSavings, estimateDrop, type Interval } from '../../core/reports/index.js'
import { type TrainingRun, VERDICTS } from '../../core/training/index.js'
import { VERSION } from '../../version.js'

/** A counter that shows every value of its label from the start, so that the first increase is visible. */
export function presetCounter<L extends string> (
  registers: Registry[], name: string, help: string, label: L, values: readonly string[]): Counter<L> {
  const counter = new Counter({ name, help, labelNames: [label], registers })
  for (const value of values) counter.labels(value).inc(0)
  return counter
}

/** Values that the gauges read when they are scraped. */
export interface GaugeSources {
  readonly snapshotVersion: () => number
  readonly snapshotAgeSeconds: () => number | null
  readonly isStoreUp: () => boolean
  readonly isLeader: () => boolean
  /** Whether the store has lost data, and nobody has acknowledged that. */
  readonly isStoreLost: () => boolean
  readonly lag: () => number
  readonly refused: () => number
  /** Whether there is room for further contexts, and how many prefixes of tokens have their share of them. */
  readonly contextRoom: () => { readonly isFull: boolean, readonly fullPrefixes: number }
  /** Whether another replica has other levels or another default policy. */
  readonly isConfiguredApart: () => boolean
  /** Whether stopping is paused. */
  readonly isPaused: () => boolean
  /** Pins in force. */
  readonly pins: () => number
  /** Members of pools that are new. */
  readonly newMembers: () => number
  /** States of the busiest contexts by key, always including the root, which sums over all. */
  readonly busiest: () => Promise<ReadonlyMap<string, ContextState>>
  readonly isLeaf: (key: string) => boolean
  /** The policy in force in a context; `undefined` if the snapshot does not have the context. */
  readonly policyOf: (key: string) => Policy | undefined
  /** The runs last reported on come first. */
  readonly trainingRuns: () => Promise<readonly TrainingRun[]>
  /** Names of the predictors that are not retired. */
  readonly predictors: () => Iterable<string>
  /** The contexts of the snapshot. */
  readonly links: () => Iterable<ScoringLink & Pick<ChainLink, 'key' | 'warnings'>>
  /** The last changes that withdrew a threshold, and departures from pools, where nothing has changed since. */
  readonly withdrawals: () => Promise<ReadonlyArray<{ readonly key: string, readonly cause: string, readonly time: number }>>
}

/** Contexts that are named for each warning. */
const NAMED = 10

/** Metrics of the snapshot, the store and the learner of this replica. */
export function watchService (registers: Registry[], sources: GaugeSources): void {
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_build_info',
    help: '1, with the version of the service and of Node.js as labels',
    labelNames: ['version', 'node'],
    registers,
    collect () { this.set({ version: VERSION, node: process.version }, 1) },
  })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({ name: `stopgate_${name}`, help, registers, collect () { this.set(read()) } })
  gauge('snapshot_version', 'Version of the snapshot in force', sources.snapshotVersion)
  gauge('snapshot_age_seconds', 'Seconds since the snapshot was last in step with the store; +Inf if it never was', () => sources.snapshotAgeSeconds() ?? Infinity)
  gauge('store_up', '1 if the last contact with the store succeeded and it accepts writes, otherwise 0', () => sources.isStoreUp() ? 1 : 0)
  gauge('store_lost', '1 if the store has become another one, or an older state of the same one, or the state of some contexts cannot be read, so that learned thresholds are lost, until an operator acknowledges it; an import with --replace counts, too', () => sources.isStoreLost() ? 1 : 0)
  gauge('learner_leader', '1 on the replica that is the learner, otherwise 0', () => sources.isLeader() ? 1 : 0)
  gauge('configuration_differs', '1 if another replica has other CONTEXT_LEVELS or another DEFAULT_POLICY, otherwise 0', () => sources.isConfiguredApart() ? 1 : 0)
  new Counter({ // eslint-disable-line no-new
    name: 'stopgate_outcomes_without_context_total',
    help: 'Outcomes that counted only for parent contexts because there was no room for their context (on the learner)',
    registers,
    collect () { this.reset(); this.inc(sources.refused()) },
  })
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_contexts_full',
    help: 'Limits on contexts that are reached: total (1: MAX_CONTEXTS), prefix (the number of prefixes of tokens that have their share)',
    labelNames: ['limit'],
    registers,
    collect () {
      const { isFull, fullPrefixes } = sources.contextRoom()
      this.set({ limit: 'total' }, isFull ? 1 : 0)
      this.set({ limit: 'prefix' }, fullPrefixes)
    },
  })
  gauge('paused', '1 while stopping is paused (PUT /v1/pause, or mode off at *), otherwise 0', () => sources.isPaused() ? 1 : 0)
  gauge('pins', 'Pins in force', sources.pins)
  gauge('new_pool_members', 'Contexts that are new in their pool, so that their first generations run in full', sources.newMembers)
  gauge('outcome_log_lag', 'Log entries that the learner has not processed yet, at the last poll', sources.lag)
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_contexts_warned',
    help: `Contexts with a warning, by warning, those with mode off left out. ${CONTEXT_WARNINGS_TEXT}`,
    labelNames: ['warning'],
    registers,
    collect () {
      for (const warning of CONTEXT_WARNINGS) this.set({ warning }, 0)
      for (const { warnings } of warnedLinks(sources)) for (const warning of warnings) this.inc({ warning })
    },
  })
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_context_warned',
    help: `1 for each warning of a context, for up to ${NAMED} contexts of each warning, so that alerts can name them`,
    labelNames: ['context', 'warning'],
    registers,
    collect () {
      this.reset()
      const named = new Map<string, number>()
      for (const { key: context, warnings } of warnedLinks(sources)) {
        for (const warning of warnings) {
          const count = named.get(warning) ?? 0
          if (count === NAMED) continue
          named.set(warning, count + 1)
          this.set({ context, warning }, 1)
        }
      }
    },
  })
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_withdrawal_timestamp_seconds',
    help: `Unix time at which a threshold was withdrawn because stopping lost too much, or a context left its pool, by cause (${[...WITHDRAWALS].join(', ')}), until the next change of its threshold; the last ones`,
    labelNames: ['context', 'cause'],
    registers,
    async collect () {
      const last = await sources.withdrawals()
      this.reset()
      for (const { key: context, cause, time } of last) this.set({ context, cause }, time / 1000)
    },
  })
}

/** Nothing is asked in a context with mode off, so its warnings could not end. */
function * warnedLinks ({ links }: Pick<GaugeSources, 'links'>): Iterable<Pick<ChainLink, 'key' | 'warnings'>> {
  for (const link of links()) if (link.policy.mode !== 'off') yield link
}

/** Metrics of each context, all from one reading of the states. */
export function watchContexts (registers: Registry[], { busiest, isLeaf, isPaused, policyOf }: GaugeSources): () => Promise<void> {
  const all: Array<{ reset: () => void }> = []
  const gauge = <L extends string = never>(name: string, help: string, ...labels: L[]) => {
    const made = new Gauge<'context' | L>({ name: `stopgate_context_${name}`, help, labelNames: ['context', ...labels], registers })
    all.push(made)
    return made
  }
  const thresholds = gauge('threshold', 'Certified threshold; absent if there is none')
  const scorers = gauge('scorer', '1 for the score that the certified threshold applies to (confidence, or the name of a predictor); absent if none is certified', 'scorer')
  const emDrops = gauge('em_drop', 'Net EM drop at the certified threshold, of the control generations that are accounted for (fraction)')
  const emDropsLow = gauge('em_drop_low', 'Lower limit of that EM drop, at the level of the certificate (fraction)')
  const modes = gauge('mode', '1 for the mode in force (enforce, shadow, off); off in all contexts while stopping is paused', 'mode')
  const bounds = gauge('max_em_drop', 'EM drop that the policy allows (fraction)')
  const savedRatios = gauge('tokens_saved_ratio', 'Share of tokens that the certified threshold saves, net of the tokens of probes (fraction)')
  const grossRatios = gauge('tokens_saved_gross_ratio', 'Share of tokens that the certified threshold saves, probes not counted (fraction)')
  const saved = gauge(
    'tokens_saved', 'Tokens saved by stopping over all epochs, less those of probes: estimate and bounds of a 95 % interval; absent while there are ' +
    'too few control generations', 'bound')
  const savedGross = gauge('tokens_saved_gross', 'The same estimate, probes not counted')
  const overheads = gauge('probe_overhead', 'Tokens of probes over tokens of generations, of the last thousand or two of both arms (fraction)')
  const unlikely = gauge('unlikely', '1 for the reason why nothing is likely to be certified (accuracy, probe_cost, too_few); absent if there is none', 'reason')
  const savedLastDay = gauge('tokens_saved_last_day', 'Tokens saved over the last whole day, less those of probes; absent while it is unknown')
  const generations = gauge('control_generations', 'Control generations in the evidence')
  const lastEvidence = gauge('last_evidence_timestamp_seconds', 'Unix time of the last evidence, by the clock of the store; absent until there is evidence')
  const evidenceAges = gauge('max_evidence_age_seconds', 'Time without evidence after which the policy withdraws a threshold')
  const followUpRatios = gauge('follow_up_ratio', 'Share of the enrolled generations of final slices that are accounted for (fraction)')
  const cancelledRatios = gauge('cancelled_ratio', 'Share of the enrolled generations of final slices that were cancelled (fraction)')
  const followUps = gauge(
    'follow_up', `Enrolled generations and control outcomes of this epoch, by state: ${Object.keys(NO_FOLLOW_UP).join(', ')}`, 'state')
  const unprobed = gauge('unprobed', 'Generations in the evidence that count as the worst case at some threshold because no answer was probed there')
  const openEnrolments = gauge('open_enrolments', 'Generations that are enrolled and not accounted for yet; at most 16,384')
  const unaccounted = gauge('unaccounted', 'Enrolled generations of ended slices that are not accounted for yet and count as lost until they are')
  const armEm = gauge('arm_em', 'EM of an arm while a threshold was in force: estimate and bounds of a 95 % interval', 'arm', 'bound')
  const armTokens = gauge(
    'arm_tokens_mean', 'Mean tokens of a generation of an arm while a threshold was in force: estimate and bounds of a 95 % interval', 'arm', 'bound')
  const emDifference = gauge(
    'em_difference', 'EM of the treated arm minus that of the control arm: estimate and bounds at level 0.001, which may be read at any time', 'bound')
  const fidelities = gauge('fidelity_ratio', 'Share of the stops whose served answer is the probed one (fraction)')
  const validities = gauge('probe_validity', 'Share of the answers forced at the end of the reasoning that equal the real ones (fraction); absent until one was forced')
  const servedEmDrops = gauge(
    'served_em_drop', 'EM of probed answers minus EM of served ones, over all treated generations: estimate and bounds of an anytime-valid interval', 'bound')
  const breachEvidence = gauge(
    'breach_evidence',
    `Evidence that stops lose more EM than allowed (mean of an e-detector): suspected from ${BREACH.suspectedFrom} on, certain from ${ALARM.toLocaleString('en')} on`)
  const counter = (name: string, help: string) => new Counter({ name: `stopgate_${name}`, help: `${help}, by leaf context`, labelNames: ['context'], registers })
  const stops = new Counter({
    name: 'stopgate_stops_total',
    help: 'Stops while a threshold was in force, by the context that certifies for them and by the answer that was served: probed (that of the deciding ' +
      'probe), other, refused (not known, since the outcome was refused or has nothing to compare). context="*" is not the sum, but the stops for which the root certifies',
    labelNames: ['context', 'answer'],
    registers,
  })
  const breaches = new Counter({
    name: 'stopgate_breaches_total',
    help: 'Thresholds that were withdrawn because real stops lost more EM than max_em_drop, by the context that certified them; context="*": the sum of all, since only the busiest contexts are shown',
    labelNames: ['context'],
    registers,
  })
  const reported = new Counter({
    name: 'stopgate_context_generations_total',
    help: 'Generations reported, of either arm; an epoch begins at 0. context="*": all',
    labelNames: ['context'],
    registers,
  })
  const totals = [
    { field: 'probe_tokens', metric: counter('probe_tokens_total', 'Tokens decoded only for probes, in both arms') },
    { field: 'probe_prefill_tokens', metric: counter('probe_prefill_tokens_total', 'Tokens prefilled again for probes, in both arms') },
  ] as const

  return async () => {
    const shown = await busiest()
    const ofOthers = totals.map(({ field }) => shown.get(ROOT)?.savings[field] ?? 0)
    for (const metric of [...all, stops, breaches, reported, ...totals.map(({ metric }) => metric)]) metric.reset()
    for (const [context, state] of shown) {
      const evidence = knownEvidence(state.evidence)
      const { savings } = state
      const { tokens_saved: estimate, tokens_saved_low: low, tokens_saved_high: high, tokens_saved_gross: gross } = describeSavings(savings)
      for (const [bound, tokens] of Object.entries({ estimate, low, high })) if (tokens !== null) saved.set({ context, bound }, tokens)
      if (gross !== null) savedGross.set({ context }, gross)
      const overhead = probeOverhead(savings.spending)
      if (overhead !== null) overheads.set({ context }, overhead)
      if (state.rule.unlikely !== null) unlikely.set({ context, reason: state.rule.unlikely }, 1)
      if (savings.day.net !== null) savedLastDay.set({ context }, savings.day.net)
      generations.set({ context }, evidence.generations)
      reported.inc({ context }, state.reports.generations)
      if (state.evidence.last_at !== null) lastEvidence.set({ context }, state.evidence.last_at / 1000)
      const policy = policyOf(context)
      if (policy !== undefined) {
        modes.set({ context, mode: isPaused() ? 'off' : policy.mode }, 1)
        bounds.set({ context }, policy.max_em_drop)
        evidenceAges.set({ context }, policy.max_evidence_age_seconds)
      }
      followUpRatios.set({ context }, followUpRatio(state.reports))
      cancelledRatios.set({ context }, cancelledRatio(state.reports))
      for (const [name, count] of Object.entries(state.reports.follow_up)) followUps.set({ context, state: name }, count)
      unprobed.set({ context }, evidence.unprobed_generations)
      openEnrolments.set({ context }, state.reports.open_enrolments)
      unaccounted.set({ context }, state.evidence.open.unaccounted)
      const terms = state.rule.guarantee ?? state.epoch.requested
      for (const { arm, em, em_interval: emInterval, tokens, tokens_interval: tokensInterval } of describeArms(state.guards.arms)) {
        for (const [bound, value] of boundsOf(em, emInterval)) armEm.set({ context, arm, bound }, value)
        for (const [bound, value] of boundsOf(tokens, tokensInterval)) armTokens.set({ context, arm, bound }, value)
      }
      for (const [bound, value] of Object.entries(emDifferenceOf(state.guards.arms) ?? {})) emDifference.set({ context, bound }, value)
      const { ratio: fidelity, em_drop: served, interval: servedInterval } = describeFidelity(state.guards.fidelity, terms.error_level)
      breachEvidence.set({ context }, fidelitySuspicion(state.guards.fidelity))
      if (fidelity !== null) fidelities.set({ context }, fidelity)
      const validity = state.probes.form && probeValidity(state.probes.form)
      if (validity !== null) validities.set({ context }, validity)
      for (const [bound, value] of boundsOf(served, servedInterval)) servedEmDrops.set({ context, bound }, value)
      for (const [answer, count] of Object.entries(state.guards.stops)) stops.inc({ context, answer }, count)
      breaches.inc({ context }, state.guards.breaches)
      for (const [i, { field, metric }] of totals.entries()) {
        if (!isLeaf(context)) break
        metric.inc({ context }, savings[field])
        ofOthers[i]! -= savings[field]
      }
      if (state.rule.threshold === null) continue
      const level = policy === undefined ? terms.error_level : Math.exp(-barOf(state.epoch, policy)) // as in the reply of the context
      const { drop, low: dropLow } = estimateDrop(accountedEvidence(state.evidence), state.rule.index, level, state.epoch.meaning)
      emDrops.set({ context }, drop)
      emDropsLow.set({ context }, dropLow)
      thresholds.set({ context }, state.rule.threshold)
      scorers.set({ context, scorer: state.epoch.meaning.score }, 1)
      savedRatios.set({ context }, tokensSavedRatio(evidence, state.rule.index))
      grossRatios.set({ context }, grossSavedRatio(evidence, state.rule.index))
    }
    for (const [i, { metric }] of totals.entries()) metric.inc({ context: 'other' }, Math.max(0, ofOthers[i]!))
  }
}

/** The state of a context that these metrics need. */
export type ScoringLink = Pick<ChainLink, 'threshold'> & { readonly policy: Pick<Policy, 'score' | 'mode'> }

/** Counts the fits of predictors in this process. */
export function countFits (registers: Registry[]): (end: FitResult) => void {
  const fits = presetCounter(registers, 'stopgate_predictor_fits_total',
    'Predictor fits of this replica as the learner, by result: trained, none (nothing to learn), failed', 'result', ['trained', 'none', 'failed'])
  const duration = new Gauge({ name: 'stopgate_predictor_fit_duration_seconds', help: 'Duration of the last predictor fit of this replica; 0 if there was none', registers })
  const trainedAt = new Gauge({
    name: 'stopgate_predictor_trained_timestamp_seconds', help: 'Unix time at which this replica last trained a predictor; 0 if it has not since its start', registers,
  })
  return ({ result, seconds }) => {
    fits.inc({ result })
    duration.set(seconds)
    if (result === 'trained') trainedAt.setToCurrentTime()
  }
}

/** Gauges for each predictor. @param live names of the predictors that are not retired */
export function watchPredictors (registers: Registry[], live: () => Iterable<string>, links: () => Iterable<ScoringLink>): void {
  const labelNames = ['scorer'] as const
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_predictors', help: 'Number of predictors that are not retired', registers, collect () { this.set([...live()].length) },
  })
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_scorer_serving_contexts',
    help: 'Number of contexts whose own certified threshold applies to this score (confidence, or the name of a predictor)',
    labelNames,
    registers,
    collect () {
      this.reset()
      for (const scorer of ['confidence', ...live()]) this.set({ scorer }, 0)
      for (const { threshold, policy } of links()) if (threshold !== null) this.inc({ scorer: policy.score })
    },
  })
}

/** Number of suites that metrics name, the last reported on first. For the others, verdicts are counted. */
const SHOWN = 100

/** Metrics of the newest checkpoint of each suite of each run. @param runs the last reported on first */
export function watchTraining (registers: Registry[], runs: () => Promise<readonly TrainingRun[]>): () => Promise<void> {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `stopgate_training_${name}`, help, labelNames: ['run', 'suite'], registers })
  const em = gauge('em', 'EM of the newest checkpoint (fraction)')
  const tokens = gauge('tokens_mean', 'Mean response length of the newest checkpoint (tokens)')
  const steps = gauge('step', 'Training step of the newest checkpoint')
  const verdicts = new Gauge({
    name: 'stopgate_training_verdict',
    help: '1 if the verdict applied to the newest checkpoint at the last report, otherwise 0; for run and suite "other", the number of unnamed suites to which it applied',
    labelNames: ['run', 'suite', 'verdict'],
    registers,
  })
  return async () => {
    const all = (await runs()).flatMap(({ name: run, suites }) => suites.map((suite) => ({ run, ...suite })))
    for (const metric of [em, tokens, steps, verdicts]) metric.reset()
    for (const { run, suite, ...newest } of all.slice(0, SHOWN)) {
      em.set({ run, suite }, newest.em)
      tokens.set({ run, suite }, newest.tokens_mean)
      steps.set({ run, suite }, newest.step)
      const said: readonly string[] = newest.verdicts
      for (const verdict of Object.keys(VERDICTS)) verdicts.set({ run, suite, verdict }, said.includes(verdict) ? 1 : 0)
    }
    for (const other of all.slice(SHOWN)) for (const verdict of other.verdicts) verdicts.inc({ run: 'other', suite: 'other', verdict })
  }
}

function boundsOf (estimate: number | null, interval: Interval | null): Array<readonly [bound: string, value: number]> {
  return estimate === null || interval === null ? [] : [['estimate', estimate], ['low', interval[0]], ['high', interval[1]]]
}
