import { client } from './generated/hey-api/client.gen'
import { decide, getTradeoff, reportOutcome } from './generated/hey-api'

client.setConfig({ baseUrl: process.env.STOPGATE_URL! })
const context = { model: 'example', task: 'example' }

const { data: decision } = await decide({ body: { generation_id: 'hey-1', tokens: 0, confidence: null, context } })
const { data: outcome } = await reportOutcome({
  body: { generation_id: 'hey-1', arm: decision!.arm, context, tokens: 96, em: 1, steps: [{ tokens: 0, confidence: null }] },
})
const { data: tradeoff } = await getTradeoff({ path: { key: 'model=example,task=example' } })
const { error } = await decide({ body: { tokens: -1, confidence: null } })
process.stdout.write(JSON.stringify({ decision: decision!.decision, accepted: outcome!.accepted, key: tradeoff!.key, error: error!.code }))
