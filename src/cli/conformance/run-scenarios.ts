import { setTimeout as delay } from 'node:timers/promises'
import type { CommandIo } from '../command-line/command-io.js'
import { endOf, killCommand, startCommand } from './command-under-test.js'
import { generationsOf, type GenerationRecord } from './generation-record.js'
import type { Scenario } from './scenarios.js'
import type { ScriptedService } from './scripted-service.js'
import type { TapReport } from './tap-report.js'

export interface Pace {
  /** Longest time for a scenario, s. */
  readonly limitSeconds: number
  /** Without a command: how many generations a scenario observes. */
  readonly generations: number
}

/** Interval at which the calls of a running worker are looked at, ms. */
const LOOK_MS = 100

/** How long outcomes that are sent twice are waited for, ms. */
const SETTLE_MS = 500

/** Runs the command in each scenario, from its start to its end. */
export async function runCommandIn (
  scenarios: readonly Scenario[], service: ScriptedService, command: readonly string[], pace: Pace, io: CommandIo, report: TapReport
): Promise<void> {
  for (const scenario of scenarios) {
    const since = service.exchanges.length
    report.comment(`${scenario.name}: ${scenario.summary}`)
    await service.begin(scenario.script)
    const child = await startCommand(command, { ...io.env, STOPGATE_URL: service.url }, io.stderr)
    child.stdout!.pipe(io.stderr, { end: false })
    let problem: string
    try {
      problem = await endOf(child, pace.limitSeconds)
    } finally {
      killCommand(child)
    }
    report.add(`${scenario.name}: the command ends with exit status 0`, { problems: problem === '' ? [] : [problem] })
    const exchanges = service.exchanges.slice(since)
    judge(scenario, exchanges, generationsOf(exchanges, service.draws), report)
  }
}

/** Observes a worker that goes on from scenario to scenario. A generation belongs to the scenario in which it was first named. */
export async function observe (
  scenarios: readonly Scenario[], service: ScriptedService, pace: Pace, signal: AbortSignal, report: TapReport
): Promise<void> {
  for (const scenario of scenarios) {
    const since = service.exchanges.length
    const known = new Set(generationsOf(service.exchanges).map(({ id }) => id))
    report.comment(`${scenario.name}: ${scenario.summary}`)
    await service.begin(scenario.script, known)
    const begun = () => generationsOf(service.exchanges.slice(since), service.draws)
    const observed = () => begun().filter(({ id }) => !known.has(id)).slice(0, pace.generations)
    const end = performance.now() + pace.limitSeconds * 1000
    while (!areOver(observed(), pace.generations) && performance.now() < end) await delay(LOOK_MS, undefined, { signal })
    await delay(SETTLE_MS, undefined, { signal })
    judge(scenario, service.exchanges.slice(since), observed(), report)
  }
}

const areOver = (generations: readonly GenerationRecord[], count: number): boolean =>
  generations.length >= count && generations.every(({ outcomes }) => outcomes.some(({ fate }) => fate !== 'unknown'))

function judge (
  { name, checks }: Scenario, exchanges: ScriptedService['exchanges'], generations: readonly GenerationRecord[], report: TapReport
): void {
  for (const { title, judge } of checks) report.add(`${name}: ${title}`, judge({ exchanges, generations }))
}
