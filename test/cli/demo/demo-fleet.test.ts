import t from 'tap'
import { addScores, EMPTY_SCORE, savedRatio, trueEmDrop, createFleet, type Score } from '../../../src/cli/demo/demo-fleet.js'
import { MODELS } from '../../../src/cli/demo/demo.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import type { Step } from '../../../src/core/decide/step.js'

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

/** A service in which even steps are control, and treated ones stop where they are sure enough. */
function scripted () {
  const asked: Array<readonly Step[]> = []
  const outcomes: any[] = []
  return {
    asked,
    outcomes,
    async send (_method: string, path: string, body: unknown) {
      if (path.endsWith('/outcomes/batch')) { outcomes.push(...(body as { outcomes: object[] }).outcomes); return {} }
      const { steps } = body as { steps: readonly Step[] }
      asked.push(steps)
      return {
        decisions: steps.map(({ arm, confidence, probed_score: probed }, i) => {
          const isControl = arm === undefined ? i % 2 === 0 : arm === 'control'
          return {
            arm: isControl ? 'control' : 'treated',
            decision: !isControl && confidence! >= 0.9 ? 'stop' : 'continue',
            probe: isControl && confidence! > (probed ?? 0),
          }
        }),
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
  t.strictSame(client.asked[0]!.map(({ arm }) => arm), [undefined, undefined, undefined, undefined])
  t.strictSame(client.asked[1]!.map(({ arm }) => arm), ['control', 'treated', 'control', 'treated'])
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
