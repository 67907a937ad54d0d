import { decide, getTradeoff, reportOutcome } from './generated/orval'

const context = { model: 'example', task: 'example' }

const decision = await decide({ generation_id: 'orval-1', tokens: 0, confidence: null, context })
if (decision.status !== 200) throw new Error(decision.data.message)
const outcome = await reportOutcome({
  generation_id: 'orval-1', arm: decision.data.arm, context, tokens: 96, em: 1, steps: [{ tokens: 0, confidence: null }],
})
if (outcome.status !== 202) throw new Error(outcome.data.message)
const tradeoff = await getTradeoff(encodeURIComponent('model=example,task=example'))
if (tradeoff.status !== 200) throw new Error(tradeoff.data.message)
const refused = await decide({ tokens: -1, confidence: null })
const error = refused.status === 200 ? undefined : refused.data.code
process.stdout.write(JSON.stringify({ decision: decision.data.decision, accepted: outcome.data.accepted, key: tradeoff.data.key, error }))
