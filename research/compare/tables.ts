import { contextKey, type Levels } from '../../src/core/policy/context.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import type { FullRun } from '../../test/simulation/service.js'
import { BY_DEFAULT } from '../simulation/cadence.js'
import { table } from '../simulation/summary.js'
import { bestSetting, chosenOnOtherHalf, scoreAll } from './hindsight.js'
import {
  BOUND, figuresOf, playService, playSetting, prepare, type Figures, type Interval, type Orders, type Playing, type Plays, type Service,
} from './play.js'
import { NEVER, rulesFor, type Distances, type Setting } from './rules.js'

/** Recorded runs that are compared together, with rows for each of their parts. */
export interface Recording extends Playing {
  readonly name: string
  /** The contexts of a row, for which settings are chosen in hindsight. */
  readonly parts: Levels
  /** `null`: the steps are samples that vote. */
  readonly distances: Distances | null
}

export interface Row {
  readonly part: string
  readonly rule: string
  /** How the setting was found. */
  readonly origin: string
  readonly setting: string
  readonly figures: Figures
  /** Absent for a setting that is played once. */
  readonly orders?: Orders
}

const HINDSIGHT = 'in hindsight'

/** The figures of all rules on all parts of a recording. */
export function compareOn (recording: Recording, seeds: readonly number[]): Row[] {
  const { runs, parts, distances, probeTokens } = recording
  const partOf = (run: FullRun) => contextKey(parts, run.context!)
  const services = servicesOn(recording, seeds, partOf)
  return [...new Set(runs.map(partOf))].sort().flatMap((part) => {
    const isOf = runs.map((run) => partOf(run) === part)
    const prepared = runs.filter((_, i) => isOf[i]).map((run) => prepare(run, distances?.all ?? [], probeTokens))
    const hasEntropy = prepared.some(({ run }) => run.steps.some(({ signals }) => signals?.entropy !== undefined))
    const longest = prepared.reduce((most, { run }) => Math.max(most, run.tokens), 0)
    const row = (rule: string, origin: string, setting: Setting): Row =>
      ({ part, rule, origin, setting: setting.label, figures: figuresOf(prepared.map((run) => playSetting(setting, run))) })
    const fixed = rulesFor(distances, hasEntropy, longest).flatMap(({ name, published, candidates }) => {
      const scored = scoreAll(candidates, prepared)
      const { played, orders } = chosenOnOtherHalf(scored, seeds)
      return [
        ...published.map((setting) => row(name, setting.label, setting)),
        row(name, HINDSIGHT, bestSetting(scored)),
        { part, rule: name, origin: 'chosen on other prompts', setting: '', figures: figuresOf(played), orders },
      ]
    })
    const learnt = services.flatMap(({ origin, setting, service }) => {
      const stopgate = (halves: string, { played, lost }: Plays): Row => {
        const figures = figuresOf(played.filter(({ plays }, i) => isOf[i]! && plays > 0))
        const orders = { broken: lost.filter((order) => order.get(part)! > BOUND).length, of: seeds.length }
        return { part, rule: 'stopgate', origin: origin + halves, setting, figures, orders }
      }
      return [stopgate('', service.all), stopgate(', second half', service.late)]
    })
    return [row('no stopping', '', NEVER), ...fixed, ...learnt]
  })
}

interface NamedService { readonly origin: string, readonly setting: string, readonly service: Service }

const GROWTHS = [0, 0.5]

/** The service by default, and with the cadence that saves most in all parts together. */
function servicesOn (recording: Recording, seeds: readonly number[], partOf: (run: FullRun) => string): NamedService[] {
  const play = (cadence: PolicyPatch, some: readonly number[]) =>
    playService({ ...recording, policy: { ...recording.policy, ...cadence } }, some, partOf)
  const byDefault = { origin: 'by default', setting: '', service: play(BY_DEFAULT, seeds) }
  if (recording.distances === null) return [byDefault] // samples are so far apart that each is a check at any cadence
  const cadences = recording.distances.all.flatMap((every) => GROWTHS.map((check_growth) => ({ check_every_tokens: every, check_growth })))
  const tried = cadences.map((cadence) => ({ cadence, saved: figuresOf(play(cadence, seeds.slice(0, 2)).all.played).saved.mean }))
  const { cadence } = tried.reduce((a, b) => b.saved > a.saved ? b : a)
  const setting = `every ${cadence.check_every_tokens} tokens, growth ${cadence.check_growth}`
  return [byDefault, { origin: 'cadence in hindsight', setting, service: play(cadence, seeds) }]
}

/** A Markdown table of all parts side by side: tokens saved, EM lost and, where it was broken, the bound. */
export function summary (rows: readonly Row[]): string {
  const parts = [...new Set(rows.map(({ part }) => part))]
  const names = [...new Set(rows.map(nameOf))]
  const cell = (name: string, part: string) => {
    const row = rows.find((one) => one.part === part && nameOf(one) === name)
    if (row === undefined) return ''
    const { figures: { saved, drop, emFull } } = row
    if (row.rule === 'no stopping') return `EM ${plusMinus(emFull, 1)} %`
    const broken = brokenIn(row)
    return [plusMinus(saved, 1), plusMinus(drop, 1), ...broken === 'no' ? [] : [`**${broken}**`]].join('; ')
  }
  return table(['rule', ...parts.map((part) => part.replace(/^\w+=/, ''))], names.map((name) => [name, ...parts.map((part) => cell(name, part))]))
}

const nameOf = ({ rule, origin }: Row): string => origin === '' ? rule : `${rule}: ${origin}`

const HEADER = ['rule', 'setting', 'saved net, %', 'EM in full, %', 'EM as stopped, %', 'EM lost, points', 'bound of 2 points broken']

/** A Markdown table for each part. */
export function details (name: string, rows: readonly Row[]): string {
  const parts = [...new Set(rows.map(({ part }) => part))]
  return parts.map((part) => {
    const own = rows.filter((row) => row.part === part)
    return `### ${name}: ${part}\n\n${table(HEADER, own.map(cells))}`
  }).join('\n\n')
}

function cells (row: Row): string[] {
  const { saved, emFull, em, drop } = row.figures
  return [nameOf(row), row.setting, plusMinus(saved, 1), plusMinus(emFull, 1), plusMinus(em, 1), plusMinus(drop, 2), brokenIn(row)]
}

function plusMinus ({ mean, high }: Interval, digits: number): string {
  const write = (value: number) => (100 * value).toFixed(digits).replace(/^-(0(?:\.0+)?)$/, '$1')
  return `${write(mean)} ± ${write(high - mean)}`
}

/** `surely`: by the whole interval. */
export function brokenIn ({ orders, figures: { drop } }: Pick<Row, 'orders' | 'figures'>): string {
  if (orders !== undefined) return orders.broken === 0 ? 'no' : `in ${orders.broken} of ${orders.of}`
  return drop.low > BOUND ? 'surely' : drop.mean > BOUND ? 'yes' : 'no'
}
