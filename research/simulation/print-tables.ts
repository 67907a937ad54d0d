import { PROFILES } from '../../src/cli/traces/simulated-generation.js'
import { mulberry32, rateOf } from '../../test/random.js'
import { arrivalTables } from './arrival-tables.js'
import { type LossyStops, serveUnrepaired, stopsByFidelity, UNREPAIRED } from '../../test/simulation/breach.js'
import { LENGTH, METHODS, play, STREAMS, type Figures } from './compare.js'
import { isAlarmRaised, runShift, watchSteadyRisk, type Shift, type ShiftOptions } from '../../test/simulation/drift.js'
import { groupsNeeded } from './groups.js'
import { type Labels, leastControls, lostByLateLabels, untilWithdrawn } from './late-drift.js'
import { isCertified, JUDGES, NO_DROP, THREE_POINTS } from './judges.js'
import { forecastCertificates, judgeForecasts, type Forecast } from './next-certificate.js'
import { playMix } from './shifting-mix.js'
import { playNewMember } from './new-members.js'
import { overheadTables } from './overhead.js'
import { inRandomOrder, playUnderShare, readTraceRuns, SHARES, simulatedRuns, TRACES } from './share.js'
import { cadenceTable, defaultsTable } from './cadence-tables.js'
import { measureSavings, type Savings } from './savings.js'
import { SAVED_COLUMNS, savedRow, WORLDS } from './saved-tokens.js'
import { rolloutsTable } from './rollouts.js'
import type { FullRun } from '../../test/simulation/service.js'
import { overconfident, planted, SIX_POINTS, TRIPLED } from '../../test/simulation/stream.js'
import { BOUND, gatherEvidence, tradeoffErrors, trueEvidence } from './tradeoff.js'
import { sameLevelRates, trainingTable } from './training-tables.js'
import { unitsToHeal } from './healing.js'
import {
  certifiedRuns, cycleOf, jobsOf, type Moving, secondsToCertificate, sortedList, steadyAt, testsAndProduction, trickleAndBurst,
} from '../../test/simulation/moving-traffic.js'
import { count, mean, median, percent, points, spread, standardError, table } from './summary.js'

// `npm run simulations SECTION`, with a name of SECTIONS below, prints tables of the docs; the environment variable SEEDS sets the number
// of runs. All draws are seeded, so the figures are the same wherever it runs.

const [only] = process.argv.slice(2)
const seedsOr = (seeds: number) => Array.from({ length: Number(process.env.SEEDS ?? seeds) }, (_, i) => i + 1)
const print = (...lines: string[]) => console.log(lines.join('\n') + '\n')

const SECTIONS: Record<string, () => void | Promise<void>> = {
  arrivals,
  span,
  healing,
  breach,
  drift,
  missing,
  late,
  mix,
  members,
  compare,
  share,
  savings,
  cadence,
  defaults,
  estimate,
  groups,
  rollouts,
  judges,
  training,
  tradeoff,
  overhead,
}
for (const [name, section] of Object.entries(SECTIONS)) if (only === undefined || only === 'all' || only === name) await section()

function arrivals (): void { print(arrivalTables(seedsOr(20).length)) }

function rollouts (): void { print(rolloutsTable(seedsOr(100))) }

function overhead (): void { print(overheadTables(seedsOr(10))) }

function span (): void {
  const runs = seedsOr(200).length
  const spans = [0, 600, 1800, 3600]
  const share = (traffic: Moving) => spans.map((span) => `${percent(certifiedRuns({ traffic, span, seconds: 7200 }, runs) / runs)} %`)
  print(`## Falsely certified within two hours at 4 generations a second, mean drop 4 points, bound 2; ${runs} runs`, table(
    ['traffic', ...spans.map((span) => `span ${span} s`)],
    [
      ...[50, 200, 500, 2000].map((prompts) => [`jobs of ${prompts} prompts`, ...share(jobsOf(prompts, 0.04))]),
      ['a cycle of 10 minutes', ...share(cycleOf(600, 0.04))],
      ['a cycle of an hour', ...share(cycleOf(3600, 0.04))],
      ['a list of 5,000, the easy half first', ...share(sortedList(5000, 0.04))],
      ['a trickle, then a burst', ...share(trickleAndBurst)],
      ['easy tests, then production', ...share(testsAndProduction(4))],
      ['easy tests, then production at their rate', ...share(testsAndProduction(1))],
      ['steady, 2.05 points', ...share(steadyAt(0.0205))],
    ]))
  const worlds = [['a trickle, then a burst', trickleAndBurst], ['easy tests, then production', testsAndProduction(4)]] as const
  print(`## The same with a span of half an hour, where a condition is left out; ${runs} runs`, table(
    ['traffic', 'all conditions', 'no quarter', 'nothing known since'],
    worlds.map(([name, traffic]) => [name, ...([undefined, 'quarter', 'known'] as const).map((without) =>
      `${percent(certifiedRuns({ traffic, span: 1800, seconds: 7200, ...(without && { without }) }, runs) / runs)} %`)])))
  const rows = [0, 0.005, 0.01].flatMap((drop) => [1, 4, 20].map((perSecond) => [
    points(drop), String(perSecond),
    ...spans.map((span) => {
      const seconds = Math.max(4 * span, 7200)
      const times = Array.from({ length: Math.min(runs, 50) }, (_, i) =>
        secondsToCertificate({ traffic: steadyAt(drop, perSecond), span, seconds }, i + 1) ?? Infinity)
      const middle = median(times)
      return middle === Infinity ? `more than ${seconds / 60}` : (middle / 60).toFixed(1)
    }),
  ]))
  print('## Minutes to a certificate, medians', table(['drop, points', 'generations a second', ...spans.map((span) => `span ${span} s`)], rows))
}

function healing (): void {
  const runs = seedsOr(1000).length
  const spoilt = [[256, 0.3], [512, 0.3], [1920, 0.04], [5120, 0.04]]
  const healed = [0, 0.005, 0.01].map((drop) => [points(drop), ...spoilt.map(([bad, badDrop]) => {
    const times = Array.from({ length: Math.min(runs, 100) }, (_, i) =>
      unitsToHeal({ bad: bad!, badDrop: badDrop!, drop, most: 22_000 }, i + 1) ?? Infinity)
    return String(median(times))
  })])
  print('## Units until a spoilt threshold is certified, medians of 100 runs', table(
    ['drop afterwards, points', '256 units lost 30 %', '512 lost 30 %', '1,920 lost 4 %', '5,120 lost 4 %'], healed))
  const falsely = [16_000, 30_000].map((most) => {
    const world = { bad: 0, badDrop: 0, drop: 0.0205, most }
    const certified = Array.from({ length: runs }, (_, i) => unitsToHeal(world, i + 1) !== null).filter(Boolean)
    return [count(most), `${certified.length} of ${runs}`]
  })
  print('## Falsely certified at a drop of 2.05 points, bound 2, level 5 %', table(['units', 'runs'], falsely))
}

function missing (): void {
  const seeds = seedsOr(10)
  const rows = [0.03, 0.05, 0.1, 0.3].map((to) => [points(to), count(leastControls(to)), ...[0, 0.002, 0.005, 0.02].map((share) => {
    const found = seeds.map((seed) => untilWithdrawn({ to, missing: share }, seed) ?? { minutes: Infinity, lost: Infinity })
    const [minutes, lost] = [median(found.map((one) => one.minutes)), median(found.map((one) => one.lost))]
    return Number.isFinite(minutes) ? `${minutes.toFixed(1)} min, ${count(lost)} lost` : 'not within 80 min'
  })])
  print(`## A rise from 0.1 points at 16 generations a second, until the threshold is withdrawn; medians of ${seeds.length} runs`, table(
    ['to, points', 'control generations, least', 'none missing', '0.2 % missing', '0.5 %', '2 %'], rows))
}

function late (): void {
  const kinds: ReadonlyArray<readonly [string, Labels]> = [
    ['after 300 s', { after: 300 }], ['after 500 s', { after: 500 }], ['after 60 s, of lost answers never', { after: 60, ofLost: null }],
  ]
  const runs = seedsOr(7)
  const rows = kinds.map(([name, labels]) => {
    const found = runs.map((seed) => lostByLateLabels(labels, seed))
    return [name, count(median(found.map((one) => one.suspected))), count(median(found.map((one) => one.withdrawn)))]
  })
  print(`## Answers lost after a rise to 10 points, follow-up 600 s; medians of ${runs.length} runs`,
    table(['labels come', 'until drift is suspected', 'until the threshold is withdrawn'], rows))
}

function breach (): void {
  const seeds = seedsOr(100)
  const ems = [0.5, 0.9, 0.99, 1]
  const found = (of: (stops: LossyStops) => number) => [0.01, 0.03, 0.1, 0.3].flatMap((loss) => {
    const cells = ems.map((em) => {
      const times = seeds.map((seed) => of({ em, loss, seed, most: 40_000 }))
      const share = times.filter(Number.isFinite).length / times.length
      return share < 0.5 ? `found in ${percent(share)} %` : spread(times)
    })
    return [[`${points(loss)}`, ...cells]]
  })
  const head = ['EM lost by stops, points', ...ems.map((em) => `EM ${em}`)]
  print(`## Stops until a breach is found by fidelity, with labels, bound 2 points; ${seeds.length} seeds, median (10th-90th percentile)`,
    table(head, found((stops) => stopsByFidelity(stops, 'exact_match'))))
  print('## The same under agreement', table(head, found((stops) => stopsByFidelity(stops, 'agreement'))))
  const alarms = (of: (stops: LossyStops) => number, loss: (em: number) => number) =>
    ems.map((em) => `${seeds.filter((seed) => Number.isFinite(of({ em, loss: loss(em), seed, most: 40_000 }))).length} of ${seeds.length}`)
  print('## False breaches within 40,000 generations at exactly what is tolerated', table(['seen by', ...ems.map((em) => `EM ${em}`)], [
    ['fidelity, with labels, 0.5 points', ...alarms((stops) => stopsByFidelity(stops, 'exact_match'), () => 0.005)],
    ['fidelity, agreement, 0.5 % differ', ...alarms((stops) => stopsByFidelity(stops, 'agreement'), (em) => 0.005 * em)],
  ]))
  const runs = Math.min(10, seeds.length)
  print(`## A worker that is never repaired: ${count(UNREPAIRED)} generations at four a second, stops lose 10 points and report their probes`, table(
    ['', 'breaches', 'stops', 'answers lost'],
    [false, true].map((isWithoutHold) => {
      const served = seeds.slice(0, runs).map((seed) => serveUnrepaired(seed, isWithoutHold))
      const cells = (['breaches', 'stopped', 'lost'] as const).map((field) => spread(served.map((one) => one[field])))
      return [isWithoutHold ? 'without a hold' : 'with the hold', ...cells]
    })))
}

function drift (): void {
  const seeds = seedsOr(10)
  const watched = seeds.slice(0, 5)
  print('## No shift: alarms within 20,000 control outcomes', table(
    ['EM drop of the threshold in force, bound 2 %', 'runs with an alarm, threshold held in force', 'through the learner'],
    [0.005, 0.01, 0.02].map((risk) => {
      const held = rateOf(1000, (random) => isAlarmRaised(random, risk, 0, 20_000))
      const learned = risk === 0.02 ? null : watched.map((seed) => watchSteadyRisk(planted(risk), seed, 20_000))
      const alarms = learned?.filter(({ isAlarmed }) => isAlarmed).length
      return [`${percent(risk)} %`, `${percent(held)} % of 1,000`, learned === null ? 'not certified' : `${alarms} of ${learned.length}`]
    })))

  const length = { certified: 12_000, shifted: 40_000 }
  const shifts: [string, ShiftOptions][] = [
    ['0 -> 6 %', { before: planted(0), after: planted(0.06), ...length }],
    ['1 -> 3 %', { before: planted(0.01), after: planted(0.03), ...length }],
    ['2 -> 6 % (bound 4 %)', { before: planted(0.02), after: planted(0.06), policy: { max_em_drop: 0.04 }, ...length }],
    ['reasoner, risk x 3', { before: overconfident(0), after: overconfident(TRIPLED), ...length }],
    ['reasoner, risk x 7', { before: overconfident(0), after: overconfident(SIX_POINTS), ...length }],
  ]
  print(`## A shift under a threshold in force, ${seeds.length} seeds: median (10th-90th percentile), counted from the shift on`, table(
    ['shift', 'alarm in', 'control outcomes until safe', 'all generations until safe', 'answers lost', 'points lost over that time',
      'from the alarm to a new certificate, generations', 'saved before, %', 'saved in the end, %'],
    shifts.map(([name, options]) => {
      const runs = seeds.map((seed) => runShift(options, seed)).filter((run): run is Shift => run !== null)
      const alarmed = runs.filter(({ alarm }) => alarm.generations < Infinity)
      const relearned = alarmed.map((run) => run.relearned.generations - run.alarm.generations)
      return [
        name,
        `${percent(alarmed.length / runs.length)} %`,
        spread(runs.map(({ safe }) => safe.controls)),
        spread(runs.map(({ safe }) => safe.generations)),
        spread(runs.map(({ safe }) => safe.lost)),
        spread(runs.map(({ safe }) => safe.generations === 0 ? 0 : safe.lost / safe.generations), points),
        alarmed.length === 0 ? '-' : spread(relearned),
        spread(runs.map(({ savedBefore }) => savedBefore), percent),
        spread(runs.map(({ savedAfter }) => savedAfter), percent),
      ]
    })))
}

function judges (): void {
  const seeds = seedsOr(400)
  const audited = 600
  const share = (run: Parameters<typeof isCertified>[0]) => percent(seeds.filter((seed) => isCertified(run, seed)).length / seeds.length)
  const rows = Object.entries(JUDGES).flatMap(([name, judge]) => [0.05, 0.15, 0.3].map((rate) => {
    const at = (truth: typeof NO_DROP, correction: 'none' | 'losses' | 'losses and gains') => share({ truth, judge, rate, audited, correction })
    return [
      name, percent(rate), at(THREE_POINTS, 'none'), at(THREE_POINTS, 'losses'), at(THREE_POINTS, 'losses and gains'),
      at(NO_DROP, 'none'), at(NO_DROP, 'losses and gains'),
    ]
  }))
  print(`${seeds.length} runs each, an audit of ${audited} pairs`, table(
    ['judge', 'errors', '3 points: as judged', 'losses corrected', 'also gains', 'no drop: as judged', 'corrected'], rows))
}

function mix (): void {
  const seeds = seedsOr(20)
  const rows = (['auto', 0.1, 0.5] as const).flatMap((control_rate) => [true, false].map((hasMembers) => {
    const runs = seeds.flatMap((seed) => playMix({ control_rate, before: 2000, after: 30_000, hasMembers }, seed) ?? [])
    return [
      String(control_rate), hasMembers ? 'the member\'s own' : 'the pool\'s only', `${runs.length} of ${seeds.length}`,
      ...(['generations', 'controls', 'own', 'lost'] as const).map((field) => spread(runs.map((run) => run[field]))),
      points(median(runs.map((run) => run.points))), `${runs.filter(({ isAlone }) => isAlone).length} of ${runs.length}`,
    ]
  }))
  print(`## A member that loses 6 points goes from 10 % to 60 % of a pool, ${seeds.length} seeds: median (10th-90th percentile) until it has no threshold`, table(
    ['control share', 'detector', 'runs with a threshold at the shift', 'generations', 'control generations', 'of the member', 'answers lost', 'points of EM lost until then', 'the member left alone'], rows))
}

function members (): void {
  const seeds = seedsOr(5)
  const generations = 200
  const rows = [0, 0.02, 0.1, 0.2, 0.3, 0.5].flatMap((drop) => [true, false].map((isRuled) => {
    const runs = seeds.flatMap((seed) => playNewMember({ drop, isRuled, generations }, seed) ?? [])
    const gone = runs.filter(({ left }) => left < Infinity)
    return [
      points(drop), isRuled ? 'first 30 in full' : 'stopped at once', String(runs.length), `${gone.length}`,
      gone.length === 0 ? '-' : spread(gone.map(({ left }) => left)), spread(runs.map(({ stopped }) => stopped)),
      mean(runs.map(({ lost }) => lost)).toFixed(1), `${percent(mean(runs.map(({ saved }) => saved)))} %`,
    ]
  }))
  print(`## A member with a twentieth of the traffic joins a certified pool, ${seeds.length} seeds, its first ${count(generations)} generations`, table(
    ['EM that its stops lose, points', 'its generations', 'runs', 'it left in', 'after generations', 'stopped', 'answers lost, mean', 'its tokens saved'], rows))
}

function compare (): void {
  const seeds = seedsOr(8)
  const over = (figures: readonly Figures[], field: keyof Figures, write: (value: number) => string) =>
    write(mean(figures.map((one) => one[field])))
  const rows = Object.entries(STREAMS).flatMap(([stream, profiles]) => Object.entries(METHODS).map(([method, create]) => {
    const figures = seeds.map((seed) => play(profiles, create(seed), seed))
    return [
      stream, method,
      over(figures, 'saved', percent), over(figures, 'emDrop', points), over(figures, 'worstWindow', points),
      `${over(figures, 'overBound', percent)} %`, over(figures, 'lostAfterShift', count),
    ]
  }))
  print(`## One stream, three methods: ${count(LENGTH)} generations, means over ${seeds.length} seeds, bound 2 points`, table(
    ['stream', 'method', 'saved %', 'EM lost, points', 'worst 1,000 stopped, points', 'time over the bound', 'answers lost in the second half'], rows))
}

function share (): void {
  const cell = (levels: readonly string[], seeds: readonly number[], runsOf: (seed: number) => Iterable<FullRun>) => SHARES.map((share) => {
    const saved = seeds.map((seed) => playUnderShare(share, levels, runsOf(seed), seed).saved)
    return `${percent(mean(saved))} ± ${percent(standardError(saved))}`
  })
  const rows: string[][] = []
  for (const [length, seeds] of [[2000, 40], [10_000, 20], [50_000, 8]] as const) {
    rows.push([`simulated, ${count(length)}`, ...cell(['model', 'task'], seedsOr(seeds), (seed) => simulatedRuns(seed, length))])
  }
  for (const { file, levels } of TRACES) {
    const runs = readTraceRuns(file, levels)
    rows.push([`${file}, ${count(runs.length)}`, ...cell(levels, seedsOr(20), (seed) => inRandomOrder(runs, seed))])
  }
  print(`## Tokens saved under a control share, %, learning included: mean ± standard error (${PROFILES.length} simulated contexts)`,
    table(['generations', ...SHARES.map((share) => share === 'auto' ? share : `${100 * share} %`)], rows))
}

function savings (): void {
  const sets = [
    ...TRACES.map(({ file, levels }) => ({ name: file, file, levels, policy: {} })),
    { name: 'reasoner, pools by model', file: 'reasoner', levels: ['model', 'task'], policy: { certify_at: 'model' } },
    { name: 'frontier, by model and task', file: 'frontier-self-consistency', levels: ['model', 'task'], policy: {} },
    { name: 'the same in one pool', file: 'frontier-self-consistency', levels: ['model', 'task'], policy: { certify_at: '*' } },
  ] as const
  const rows = sets.map(({ name, file, levels, policy }) => {
    const runs = seedsOr(100).map((seed) => measureSavings(file, levels, policy, seed))
    const over = (field: Exclude<keyof Savings, 'lostIn'>) => percent(mean(runs.map((run) => run[field])))
    const saved = runs.map((run) => run.saved)
    const all = runs.flatMap(({ lostIn }) => [...lostIn.values()])
    return [
      name, `${over('saved')} ± ${percent(standardError(saved))}`, over('hindsight'), over('learning'), over('control'), over('threshold'),
      points(mean(runs.map(({ lost }) => lost))), points(Math.max(...all)), `${all.filter((lost) => lost > 0.02).length} of ${all.length}`, over('labelled'), over('labelledAtMost'),
    ]
  })
  print(`## Savings on real traces, each played once, ${seedsOr(100).length} seeds: % of the tokens`, table(
    ['traces', 'saved', 'fixed threshold in hindsight', 'lost to learning', 'to control', 'to safer thresholds', 'EM lost, points', 'worst context and seed',
      'beyond the bound', 'need a label: at least, %', 'at most, %'], rows))
}

function cadence (): void { print(cadenceTable(seedsOr(2))) }

function defaults (): void { print(defaultsTable(seedsOr(100))) }

function estimate (): void {
  const seeds = seedsOr(100)
  print(`## Tokens saved, estimated, ${seeds.length} seeds, a third of the stops late`, table(SAVED_COLUMNS, WORLDS.map((world) => savedRow(world, seeds))))
}

function groups (): void {
  const runs = seedsOr(1000).length
  const roundings = [null, 16, 8, 4, 2]
  const rows = ([
    [1, 0.01, 1], [4, 0.01, 1], [4, 0.01, 0.1], [6, 0.01, 1], [8, 0.01, 1], [16, 0.01, 1], [16, 0.01, 0.1], [1, 0.005, 1], [4, 0.005, 1],
  ] as const).map(([samples, drop, risky]) => {
    const random = mulberry32(1)
    const played = Array.from({ length: runs }, () => groupsNeeded(random, { samples, drop, risky }, roundings, 20_000))
    const over = (r: number) => played.map((needed) => needed[r]!)
    const medians = roundings.map((_, r) => `${count(median(over(r)))} (${count(mean(over(r)))})`)
    return [String(samples), `${percent(drop)} %`, risky === 1 ? 'no' : `only ${percent(risky)} % of prompts lose anything`, ...medians, count(samples * median(over(2)))]
  })
  print(`## Groups to a first certificate, ${count(runs)} runs: median (mean), by how the mean difference of a group is rounded`, table(
    ['samples', 'EM drop', 'similar samples of a prompt', 'not rounded', 'sixteenths', 'eighths', 'quarters', 'halves', 'generations, by eighths'], rows))
}

function training (): void {
  const seeds = seedsOr(300)
  print(`## Verdicts on training runs, ${seeds.length} seeds: 1,000 questions a checkpoint, which differ by half a point and 2 % of tokens besides`,
    trainingTable(seeds), '', sameLevelRates(seeds))
}

function tradeoff (): void {
  const seeds = seedsOr(100)
  const rows = PROFILES.flatMap((profile) => {
    const truth = trueEvidence(profile, 60_000)
    return [300, 1000, 5000].map((generations) => {
      const errors = seeds.map((seed) => tradeoffErrors(gatherEvidence(profile, generations, seed), truth))
      const seen = (field: 'knee' | 'turn' | 'turnDrop') => errors.flatMap((error) => error[field] ?? [])
      return [
        Object.values(profile.context).join(', '), count(generations), spread(seen('knee'), percent), spread(seen('turn'), percent),
        spread(seen('turnDrop'), points), percent(seen('knee').length / errors.length), percent(seen('turn').length / errors.length),
        percent(mean(errors.map(({ tokensHeld }) => tokensHeld))),
      ]
    })
  })
  print(`## Turning points of the trade-off, ${seeds.length} seeds, ${points(BOUND)} points allowed: median (10th-90th percentile)`, table(
    ['context', 'control generations', 'knee off by, % of tokens', 'unfavourable_from off by, % of tokens', 'EM drop there off by, points', 'knee seen, %',
      'turn seen, %', 'intervals of tokens that hold, %'], rows))

  const forecasts = PROFILES.flatMap((profile) => seeds.slice(0, 20).flatMap((seed) => forecastCertificates(profile, seed, 20_000)))
  const row = (name: string, isIncluded: (forecast: Forecast) => boolean) => {
    const { right, tooSoon, unforeseen, count } = judgeForecasts(forecasts.filter(isIncluded))
    return [name, `${count}`, ...[right, tooSoon, unforeseen].map((share) => `${percent(share)} %`)]
  }
  print(`## The next certificate, ${Math.min(20, seeds.length)} seeds: within 20,000 generations`, table(
    ['forecast', 'judged', 'within a factor of 2', 'too soon', 'not foreseen'],
    [row('of the first', ({ isFirst }) => isFirst), row('of later ones', ({ isFirst }) => !isFirst), row('all', () => true)]))
}
