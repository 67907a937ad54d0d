import t from 'tap'
import { addScores, EMPTY_SCORE, savedRatio, trueEmDrop, createFleet, type Score } from '../../../src/cli/demo/demo-fleet.js'
import { MODELS } from '../../../src/cli/demo/demo.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import type { Columns } from '../../../src/core/decide/decide-columns.js'

const score = { generations: 2, control: 1, treated: 1, fullTokens: 200, tokens: 150, lost: 0.04 }

t.test('scores add up', async (t) => {
  t.strictSame(addScores(score, EMPTY_SCORE), score)
  t.strictSame(addScores(score, score), { generations: 4, control: 2, treated: 2, fullTokens: 400, tokens: 300, lost: 0.08 })
})

t.test('savings are of all tokens, and the EM drop is that of the treated', async (t) => {
  t.equal(savedRatio(score), 0.25)
  t.equal(trueEmDrop(score), 0.04)
  t.same([savedRatio(EMPTY_SCORE), trueEmDrop(EMPTY_SCORE)], [0, 0])
})

/** A service in which even rows are control, and treated ones stop where they are sure enough. */
function scripted () {
  const asked: Columns[] = []
  const outcomes: any[] = []
  return {
    asked,
    outcomes,
    async send (_method: string, path: string, body: unknown) {
      if (path.endsWith('/outcomes/batch')) { outcomes.push(...(body as { outcomes: object[] }).outcomes); return {} }
      const columns = body as Columns
      asked.push(columns)
      const rows = columns.context.map((_, row) => row)
      const isControl = (row: number) => columns.arms![row] === 'control' || (columns.arms![row] === null && row % 2 === 0)
      return {
        control: rows.filter(isControl),
        stop: rows.filter((row) => !isControl(row) && columns.confidence[row]! >= 0.9),
        probe: rows.filter((row) => isControl(row) && columns.confidence[row]! > (columns.probed_score![row] ?? 0)),
      }
    },
  }
}

t.test('generations echo their arm, stop on request, and report their outcome', async (t) => {
  const client = scripted()
  let total = EMPTY_SCORE
  const onEnd = (_: number, score: Score) => { total = addScores(total, score) }
  const fleet = createFleet({ client, random: seededRandom(1), models: MODELS.slice(0, 1), width: 4, onEnd })
  while (client.outcomes.length < 40) await fleet.step()
  t.strictSame(client.asked[0]!.arms, [null, null, null, null])
  t.strictSame(client.asked[1]!.arms, ['control', 'treated', 'control', 'treated'])
  const [control, treated] = ['control', 'treated'].map((arm) => client.outcomes.filter((outcome) => outcome.arm === arm))
  t.ok(treated!.some(({ stopped }) => stopped))
  t.ok(control!.every(({ stopped, steps }) => !stopped && steps.some(({ em }: any) => em !== undefined)))
  t.ok(control!.every(({ steps }) => steps.every((step: any) => (step.em === undefined) === (step.probe_tokens === undefined))), 'only probes cost tokens')
  t.equal(total.generations, client.outcomes.length)
  t.same([total.control, total.treated], [control!.length, treated!.length])
  t.ok(total.tokens < total.fullTokens)
})

t.test('a replaced model plays another profile from the next generation on', async (t) => {
  const client = scripted()
  const [model] = MODELS
  const fleet = createFleet({ client, random: seededRandom(1), models: [model!], width: 1, onEnd: () => {} })
  fleet.replace(0, { ...model!, answerTokens: 999 })
  while (client.outcomes.length < 2) await fleet.step()
  t.equal(client.outcomes.at(-1).answer_tokens, 999)
})
