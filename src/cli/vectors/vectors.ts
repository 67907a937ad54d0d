import {
  type Bundle, BUNDLE_FORMAT, type BundleRule, decide, GRID, murmur3, secondHash, snapshotOfBundle, type Step, uniform,
} from '../../core/decide/index.js'
import { type Context, contextKey } from '../../core/policy/index.js'
import { type CommandIo, writeAll } from '../command-line/command-io.js'
import { refuseArguments } from '../command-line/flags.js'

export const usage = `Usage: stopgate vectors

Prints test vectors as JSON: inputs and expected results for clients that decide locally with the bundle (GET /v1/bundle).

Example:
  stopgate vectors > vectors.json
`

/** `stopgate vectors`. */
export async function run (args: readonly string[], { stdout }: CommandIo): Promise<void> {
  refuseArguments('vectors', args)
  await writeAll(stdout, vectorsText())
}

const LEVELS = ['model', 'task']

const TEXTS = ['', 'a', 'ab', 'abc', 'abcd', 'salt:req-8f2c', 'salt:prompt-17', 'The quick brown fox jumps over the lazy dog', 'salt:é', 'salt:日本', 'salt:🙂']

const CONTEXTS: readonly Context[] = [
  {}, { model: 'q' }, { task: 'x' }, { model: 'q', task: 'x' }, { model: '-', task: '*' }, { model: 'org/name', task: 'a,b=c%' }, { model: 'é\u0001' },
]

const rule = (threshold: number | null, rest: Partial<BundleRule> = {}): BundleRule =>
  ({ threshold, scope: threshold === null ? 'none' : 'own', mode: 'enforce', min_tokens: 0, check_every_tokens: 32, check_growth: 0, label_rate: 1, ...rest })

const PREDICTED = {
  signals: [{ name: 'entropy', mean: 0.4, scale: 0.3 }, { name: 'answer_streak', mean: 2, scale: 1.5 }],
  grid: GRID.map((_, k) => 0.995 - 0.02 * k),
}

/** A bundle with one rule of each kind, and nodes for values that are not known. */
const BUNDLE: Bundle = {
  format: BUNDLE_FORMAT,
  state_id: 'vectors',
  snapshot_version: 7,
  salt: 'salt',
  levels: LEVELS,
  prefix: '*',
  rules: [
    rule(null),
    rule(GRID[10]!),
    rule(GRID[20]!, { scope: 'pool', context: 'model=q' }),
    rule(GRID[5]!, { mode: 'shadow' }),
    rule(GRID[5]!, { mode: 'off' }),
    rule(0.9, { min_tokens: 100, check_every_tokens: 40, check_growth: 0.25 }),
    rule(null, { scorer: 'p1', score_threshold: PREDICTED.grid[12]!, scope: 'own' }),
    rule(GRID[10]!, { label_rate: 0.5 }),
    rule(null, { suspended: true }),
  ],
  predictors: { p1: PREDICTED },
  weights: [
    { log_median: Math.log(900), length_power: 0, weights: [1.5, 0.8, -0.4, 0.1, -0.7, 0.35] },
    { log_median: Math.log(300), length_power: 0.6, weights: [1.2, 0.8, -0.4, 0.1, -0.7, 0.35] },
  ],
  others: [
    { named: { math: { rule: 5, control_share: 0.25 } } },
    { named: { named: { rule: 3, control_share: 0.25, others: 2 } } },
    { named: { math: { rule: 5, control_share: 0.25 } }, any: { rule: 1, control_share: 0.25 } },
  ],
  root: {
    rule: 0,
    others: 1,
    below: {
      q: {
        rule: 2,
        control_share: 0.3,
        others: 0,
        below: {
          own: { rule: 1, control_share: 0.1 },
          shadow: { rule: 3, control_share: 0.5 },
          off: { rule: 4, control_share: 0.5 },
          pinned: { rule: 5, control_share: 0.02 },
          predicted: { rule: 6, control_share: 0.1, weights: 0 },
          bent: { rule: 6, control_share: 0.1, weights: 1 },
          sampled: { rule: 7, control_share: 0.3 },
          left: { rule: 0, control_share: 0 },
          suspended: { rule: 8, control_share: 0.2 },
          '': { rule: 1, control_share: 0.25 },
        },
      },
      p: { rule: 0, control_share: 0.25, others: 2, below: { own: { rule: 1, control_share: 0.1 } } },
    },
  },
}

/** At and before the check that was due, and of a retry. */
function rareSteps (step: Step): Step[] {
  return [{ ...step, due_tokens: step.tokens }, { ...step, due_tokens: step.tokens + 1 }, { ...step, retry_of: 'first' }]
}

function steps (): Step[] {
  const contexts: Array<Context | undefined> = [
    ...['own', 'shadow', 'off', 'pinned', 'predicted', 'new', '-', 'bent', 'sampled'].map((task) => ({ model: 'q', task })), { model: 'q' }, { model: 'r', task: 'own' }, {}, undefined, { model: 'q', task: 'left' },
    { model: 'q', task: 'suspended' },
    { model: 'q', task: 'math' }, { model: 'p' }, { model: 'p', task: 'own' }, { model: 'p', task: 'math' }, { model: 'named' }, { model: 'named', task: 'math' },
  ]
  const scores = [(GRID[10]! + GRID[11]!) / 2, GRID[10]!, GRID[10]! - Number.EPSILON / 2, 1, 1.0000005, 0, null]
  return contexts.flatMap((context, i) => scores.flatMap((confidence, j): Step[] => {
    const signals = (context?.task === 'predicted' || context?.task === 'bent') && { signals: { entropy: 0.3 * j, ...(j % 2 === 0 && { answer_streak: j }), unknown: 1 } }
    const placed = { tokens: j === 5 ? 40_000 : 31 + i * 7, confidence, ...(context !== undefined && { context }), ...signals }
    return [
      { ...placed, arm: 'treated' },
      ...(j === 3 ? rareSteps({ ...placed, arm: 'treated' }) : []),
      { ...placed, arm: 'control', ...(j % 2 === 0 && { probed_score: 0.5 }) },
      { ...placed, generation_id: `g${i}-${j}` },
      { ...placed, generation_id: `g${i}`, group_id: `prompt-${j}` },
      placed,
    ]
  }))
}

/** Test vectors for implementations in other languages, for every part of deciding from a bundle. */
export function vectors (): object {
  const snapshot = snapshotOfBundle(BUNDLE)
  return {
    about: 'Made by `npm run vectors`. Numbers are exact doubles. The score of a predictor uses exp and log, whose last digit may differ between libraries. u = murmur3 of "salt:id" divided by 2^32; the second hash, by murmur3 of "salt:enrol:id", takes the id of the group or generation also where a prompt_hash draws u.',
    grid: GRID,
    murmur3: TEXTS.map((text) => ({ text, hash: murmur3(text) })),
    draws: ['req-8f2c', 'prompt-17', 'é'].map((id) => ({ salt: 'salt', id, u: uniform('salt', id), second: secondHash('salt', id) })),
    levels: LEVELS,
    context_keys: CONTEXTS.map((context) => ({ context, key: contextKey(LEVELS, context) })),
    bundle: BUNDLE,
    decisions: steps().map((step) => ({ step, decision: decide(snapshot, 'fresh', step) })),
  }
}

/** The vectors as JSON with one line for each item of a list. */
export function vectorsText (): string {
  const lines = Object.entries(vectors()).map(([name, value]) => {
    if (name === 'bundle' || !Array.isArray(value) || typeof value[0] !== 'object') return `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`
    return `  ${JSON.stringify(name)}: [\n${value.map((one) => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]`
  })
  return `{\n${lines.join(',\n')}\n}\n`
}
