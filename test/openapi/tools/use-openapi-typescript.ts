import createClient from 'openapi-fetch'
import type { paths } from './generated/openapi-typescript.js'

const client = createClient<paths>({ baseUrl: process.env.STOPGATE_URL! })
const context = { model: 'example', task: 'example' }

const { data: decision } = await client.POST('/v1/decisions', { body: { generation_id: 'fetch-1', tokens: 0, confidence: null, context } })
const { data: outcome } = await client.POST('/v1/outcomes', {
  body: { generation_id: 'fetch-1', arm: decision!.arm, context, tokens: 96, em: 1, steps: [{ tokens: 0, confidence: null }] },
})
const { data: tradeoff } = await client.GET('/v1/contexts/{key}/tradeoff', { params: { path: { key: 'model=example,task=example' } } })
const { error } = await client.POST('/v1/decisions', { body: { tokens: -1, confidence: null } })
process.stdout.write(JSON.stringify({ decision: decision!.decision, accepted: outcome!.accepted, key: tradeoff!.key, error: error!.code }))
