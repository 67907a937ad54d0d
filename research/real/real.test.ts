import { mkdirSync, writeFileSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { join } from 'node:path'
import t from 'tap'
import { GRID } from '../../src/core/decide/grid.js'
import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import type { Played } from '../compare/play.js'
import { BUDGET, confidenceOf, EQUAL_ANSWERS, inFull, playPublished, playRecorded, streaksOf } from './play-recorded.js'
import { halvesOf, IDEAS, ideasTable, neededBy, playIdeas } from './ideas.js'
import { readRecordings, recordingOf, type Question } from './recordings.js'
import { detailTable, rowOf, summaryTable } from './tables.js'

// Recordings of a made-up model: it finds the answer of question q after some (q + 1) * 500 tokens, and goes on for 4000 more.

function questionsOf (count: number, answer = '42', generations = 16): Question[] {
  const random = seededRandom(7)
  return Array.from({ length: count }, (_, q) => ({
    gold_answer: '42',
    probe_freq: 500,
    each_branch: Array.from({ length: generations }, () => {
      const found = q + 1 + Math.floor(2 * random())
      return [[...Array.from({ length: found }, (_, i) => i % 2 === 0 ? 'ERR' : String(i)), ...Array.from({ length: 8 }, () => answer)], (found + 8) * 500 + 20, answer] as const
    }),
  }))
}

const RECORDING = recordingOf('made-up', 'right', questionsOf(6))
const PLAYING = { bound: 0.02, probeTokens: 10, after: [500, 3000] }

t.test('a folder is read with the folders below it, and copies count once', async (t) => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'a', 'Model-1'), { recursive: true })
  mkdirSync(join(folder, 'b', 'Model-1-copy'), { recursive: true })
  const text = JSON.stringify(questionsOf(3))
  for (const path of ['a/Model-1/easy.json', 'b/Model-1-copy/easy.json']) writeFileSync(join(folder, path), text)
  writeFileSync(join(folder, 'a', 'manifest.json'), '{"unrelated": true}')
  writeFileSync(join(folder, 'a', 'Model-1', 'hard.json'), JSON.stringify(questionsOf(2, '41')))
  t.same(readRecordings(folder).map(({ model, set, runs }) => [model, set, runs.length]), [['Model-1', 'easy', 48], ['Model-1', 'hard', 32]])

  const { stdout } = await promisify(execFile)(process.execPath, ['dist/tests/research/real/print-real.js', 'real', folder, '--only', 'easy'], { env: { ...process.env, SEEDS: '1' } })
  t.match(stdout, /\| Model-1 \| easy \| 5,\d{3} \| 100\.0 /)
  t.notMatch(stdout, /NaN|undefined|hard/)
})

t.test('steps are the forced answers before the end, and are right if they are the reference', async (t) => {
  const each_branch = [[['1', ' \\dfrac{1}{2} ', 'ERR', '\\frac{1}{2}'], 2000, '\\frac12']] as const
  const { runs: [run] } = recordingOf('m', 's', [{ gold_answer: '\\frac{1}{2}', probe_freq: 500, each_branch }])
  t.match(run, { tokens: 2000, em: 0, group_id: '0', context: { model: 'm', task: 's' } })
  t.same(run!.steps.map(({ tokens, em, answer }) => [tokens, em, answer]), [[500, 0, '1'], [1000, 1, '\\frac{1}{2}'], [1500, 0, '']])
})

t.test('equal answers in a row raise the score, and no answer equals none', async (t) => {
  t.same(streaksOf(['1', '1', '', '', '1', '2', '2', '2']), [1, 2, 0, 0, 1, 1, 2, 3])
  t.same([0, 1, 2, 30, 99].map(confidenceOf), [0, GRID[29], GRID[28], GRID[0], GRID[0]])
})

t.test('what is not stopped is described by its own sums', async (t) => {
  const mixed = recordingOf('m', 's', [...questionsOf(1), ...questionsOf(1, '41')])
  t.match(inFull(mixed), { questions: 2, generations: 32, em: { mean: 0.5 }, wrongTokens: 0.5 })
})

t.test('a rule of three equal answers stops at the third, with the tokens of its probes', async (t) => {
  const branch = [['7', '7', '7', '42', '42'], 3000, '42'] as const
  const one = recordingOf('m', 's', [{ gold_answer: '42', probe_freq: 500, each_branch: [branch, branch] }, { gold_answer: '42', probe_freq: 500, each_branch: [branch] }])
  const { saved, drop } = playPublished(one, 3, 20)
  t.equal(drop.mean, 1, 'the right answer came later')
  t.ok(Math.abs(saved.mean - (3000 - 1500 - 20 - 3 * 20) / 3000) < 1e-9)
  t.equal(playPublished(one, 8, 20).drop.mean, 0)
})

for (const score of [BUDGET, EQUAL_ANSWERS]) {
  t.test(`by ${score.name}, what costs nothing is learned and saved`, async (t) => {
    const { sums, first } = playRecorded(RECORDING, { score, ...PLAYING }, 1)
    t.ok(first !== null && first.control >= 186 && first.control <= first.generations, JSON.stringify(first))
    const total = (field: Exclude<keyof Played, 'group'>) => sums.map((sum) => sum.reduce((all, one) => all + one[field], 0))
    const [full, tokens] = [total('fullTokens'), total('tokens')]
    t.same(total('plays'), [500, 3000])
    const [early, late] = full.map((all, i) => 1 - tokens[i]! / all)
    t.ok(late! > early! && late! > 0.15, `saves ${early}, then ${late}`)
    const lost = total('fullRight')[1]! - total('right')[1]!
    t.ok(lost <= 0.02 * 3000, `loses ${lost}`)
  })

  t.test(`by ${score.name}, nothing is stopped where the answer is found in the end`, async (t) => {
    const late = recordingOf('made-up', 'late', questionsOf(6).map((question) => ({
      ...question, each_branch: question.each_branch.map(([answers, tokens]) => [answers.map(() => '41'), tokens, '42'] as const),
    })))
    const { sums: [sum], first } = playRecorded(late, { score, ...PLAYING, after: [1000] }, 1)
    t.equal(first, null)
    t.ok(sum!.every(({ tokens, fullTokens, right, fullRight }) => right === fullRight && tokens >= fullTokens), 'and probes cost tokens')
  })
}

t.test('the tables have a line for each model, score, bound and size of probes', async (t) => {
  const settings = { seeds: [1, 2], probeTokens: [10, 20], bounds: [0.02, 0.05], after: [400, 800] }
  const rows = [rowOf(RECORDING, settings)]
  t.equal(summaryTable(rows, settings).split('\n').length, 3)
  const lines = detailTable(rows, settings.after).split('\n')
  t.equal(lines.length, 2 + 2 * 2 * 2)
  for (const line of lines) t.equal(line.split('|').length, lines[0]!.split('|').length)
  t.notMatch(lines.join('\n'), /NaN|undefined/)
})

t.test('an idea is tuned on one half of the questions and judged on the other', async (t) => {
  const halves = halvesOf(RECORDING, 1).map(({ runs }) => new Set(runs.map(({ group_id: question }) => question)))
  t.same(halves.map(({ size }) => size), [3, 3])
  t.equal(new Set(halves.flatMap((half) => [...half])).size, 6)
  t.notSame(halvesOf(RECORDING, 2)[0].runs, halvesOf(RECORDING, 1)[0].runs)
})

t.test('a run needs the tokens after which all forced answers are the final one', async (t) => {
  const step = (tokens: number, answer: string) => ({ tokens, answer, confidence: null })
  t.equal(neededBy({ steps: [step(500, '42'), step(1000, ''), step(1500, '42'), step(2000, '42')], tokens: 2100, answer: '42' }), 1500)
  t.equal(neededBy({ steps: [step(500, '42'), step(1000, '41')], tokens: 1200, answer: '42' }), 1200)
})

t.test('every idea is played, beside the scores that there are', async (t) => {
  const rows = playIdeas(RECORDING, [1], 1000)
  t.equal(rows.length, 2 + IDEAS.length)
  for (const { idea, played } of rows) t.equal(played.reduce((sum, { plays }) => sum + plays, 0), 2000, idea)
  const lines = ideasTable(rows).split('\n')
  t.equal(lines.length, 2 + rows.length)
  t.match(lines[0], 'made-up, right')
  t.notMatch(lines.join('\n'), /NaN|undefined/)
})
