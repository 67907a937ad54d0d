import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import type { Arm } from '../../src/core/decide/arm.js'
import { GRID } from '../../src/core/decide/grid.js'
import { type PolicyPatch, TOKENS } from '../../src/core/policy/policy.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import type { Predictor } from '../../src/core/scores/predictor.js'
import { figuresOf, type Figures, type Played, playSetting, prepare } from '../compare/play.js'
import { agreement, type Setting } from '../compare/rules.js'
import { askedSteps, BY_DEFAULT } from '../simulation/cadence.js'
import { simulatedService, type FullRun } from '../../test/simulation/service.js'
import type { Recording } from './recordings.js'

/** The steps at which a worker asks. */
export type Asked = FullRun['steps']

/** A score, with the policy that it needs. */
export interface RecordedScore {
  readonly name: string
  readonly policy: PolicyPatch
  /** The confidence at each step; `null`: the token count decides. */
  readonly confidences: (asked: Asked, run: FullRun) => ReadonlyArray<number | null>
  /** Further signals at each step. */
  readonly signals?: (asked: Asked) => ReadonlyArray<Readonly<Record<string, number>>>
  /** Scores the steps in the place of the confidence. */
  readonly predictor?: Predictor
  /** Is told of each control generation when it has ended. */
  readonly observe?: (asked: Asked, run: FullRun) => void
  /** Its confidence needs no forced answer, so only control generations pay for probes. */
  readonly isKnownWithoutProbe?: true
}

/** The more of the last forced answers are equal, the higher the score: each number of them has a threshold of its own. */
export const EQUAL_ANSWERS: RecordedScore = {
  name: 'equal answers',
  policy: {},
  confidences: (asked) => streaksOf(asked.map(({ answer }) => answer!)).map(confidenceOf),
}

export const BUDGET: RecordedScore = { name: 'budget', policy: { score: TOKENS }, confidences: (asked) => asked.map(() => null) }

/** How many answers in a row, each included, are equal; an empty one equals none. */
export function streaksOf (answers: readonly string[]): number[] {
  let streak = 0
  return answers.map((answer, i) => (streak = answer === '' ? 0 : answer === answers[i - 1] ? streak + 1 : 1))
}

/** The threshold number `count` from the loosest; 0 reaches none. */
export function confidenceOf (count: number): number { return count === 0 ? 0 : GRID[Math.max(0, GRID.length - count)]! }

/** What learning on a recording gives, by the number of generations since its start. */
export interface Learned {
  /** Sums by question over the generations so far, for each number of `after`. */
  readonly sums: ReadonlyArray<readonly Played[]>
  /** The number of the generation after which a threshold first was in force, and of control generations until then; `null`: none was. */
  readonly first: { readonly generations: number, readonly control: number } | null
}

export interface Playing {
  readonly score: RecordedScore
  /** EM that may be lost, a fraction. */
  readonly bound: number
  /** Tokens of a forced answer, which a stopped generation writes once more. */
  readonly probeTokens: number
  /** After how many generations figures are wanted, ascending. */
  readonly after: readonly number[]
}

/**
 * Plays generations drawn at random with replacement, with the real decisions and the real learner, which starts without evidence: a
 * benchmark or a rollout that asks the same questions again and again. Every generation is a unit of evidence of its own.
 */
export function playRecorded ({ runs, every }: Recording, { score, bound, probeTokens, after }: Playing, seed: number): Learned {
  const policy: PolicyPatch = { max_em_drop: bound, ...BY_DEFAULT, check_every_tokens: every, ...score.policy }
  const levels = ['model', 'task']
  const service = simulatedService(`recorded-${seed}`, levels, policy)
  if (score.predictor !== undefined) service.command(commandOf(score.predictor))
  const random = seededRandom(seed)
  const played = new Map<string, Sum>()
  const sums: Played[][] = []
  let first: Learned['first'] = null
  let control = 0
  for (let i = 1; i <= after.at(-1)!; i++) {
    const run = runs[Math.floor(random() * runs.length)]!
    const { answer: _, ...ungraded } = run // its EM is known
    const asked = askedSteps(run, service.rule(run.context!))
    const confidences = score.confidences(asked, run)
    const signals = score.signals?.(asked)
    const steps = asked.map(({ answer: _, ...step }, i) =>
      ({ ...step, confidence: confidences[i]!, ...(signals && { signals: signals[i]! }), probe_tokens: probeTokens }))
    const { arm, stoppedAt, checks } = service.serve({ ...ungraded, samples: 1, answer_tokens: probeTokens, generation_id: `${seed}-${i}`, steps })
    if (arm === 'control') score.observe?.(asked, run)
    if (arm === 'control' && first === null) control++
    if (first === null && service.rule(run.context!).threshold !== null) first = { generations: i, control }
    const stop = steps[stoppedAt]
    add(played, run.group_id!, {
      plays: 1,
      fullTokens: run.tokens,
      tokens: (stop === undefined ? run.tokens : stop.tokens + probeTokens) + (isProbed(score, arm) ? checks * probeTokens : 0),
      fullRight: run.em!,
      right: stop?.em ?? run.em!,
    })
    if (after.includes(i)) sums.push([...played.values()].map((sum) => ({ ...sum })))
  }
  return { sums, first }
}

/** The steps at which a worker asks by default. */
export function askedBy ({ every }: Pick<Recording, 'every'>, run: FullRun): Asked {
  return askedSteps(run, { checkEveryTokens: every, checkGrowth: BY_DEFAULT.check_growth, minTokens: 0 })
}

const isProbed = ({ isKnownWithoutProbe: isKnown }: RecordedScore, arm: Arm): boolean => arm === 'control' || isKnown !== true

function commandOf (predictor: Predictor): LogEntry {
  return { type: 'predictor', name: predictor.name, version: { predictor, created_at: 0, by: 'research', retired_at: null }, by: 'research' }
}

type Sum = { -readonly [Field in keyof Played]: Played[Field] }

function add (sums: Map<string, Sum>, group: string, one: Omit<Played, 'group'>): void {
  const sum = sums.get(group)
  if (sum === undefined) sums.set(group, { group, ...one })
  else for (const field of Object.keys(one) as Array<keyof typeof one>) sum[field] += one[field]
}

/** Several plays as one: sums by question. */
export function pooled (plays: ReadonlyArray<readonly Played[]>): Figures {
  const sums = new Map<string, Sum>()
  for (const { group, ...one } of plays.flat()) add(sums, group, one)
  return figuresOf([...sums.values()])
}

/** What generations are like that are not stopped. */
export interface InFull {
  readonly questions: number
  readonly generations: number
  /** Tokens, on average. */
  readonly length: number
  readonly em: Figures['emFull']
  /** The part of all tokens that is in generations whose answer is wrong. */
  readonly wrongTokens: number
}

export function inFull ({ runs }: Recording): InFull {
  const tokens = sumOf(runs, ({ tokens }) => tokens)
  const { emFull } = figuresOf(runs.map((run) =>
    ({ group: run.group_id!, plays: 1, fullTokens: run.tokens, tokens: run.tokens, fullRight: run.em!, right: run.em! })))
  return {
    questions: new Set(runs.map(({ group_id: question }) => question)).size,
    generations: runs.length,
    length: tokens / runs.length,
    em: emFull,
    wrongTokens: sumOf(runs, (run) => run.em === 1 ? 0 : run.tokens) / tokens,
  }
}

function sumOf (runs: readonly FullRun[], value: (run: FullRun) => number): number {
  return runs.reduce((sum, run) => sum + value(run), 0)
}

/** A published rule on every recorded generation: it stops after `count` equal answers (Dynasor, Fu et al. 2025). */
export function playPublished ({ runs, every }: Recording, count: number, probeTokens: number): Figures {
  const setting: Setting = agreement(count, every)
  return figuresOf(runs.map((run) => playSetting(setting, prepare({ ...run, answer_tokens: probeTokens }, [every], probeTokens))))
}
