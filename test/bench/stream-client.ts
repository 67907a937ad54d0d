import { Agent, request } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { quantile } from './figure.js'
import { sharedUs } from './shared-clock.js'

export interface StreamOrder {
  readonly url: string
  readonly streams: number
  /** Time over which the streams start, ms. */
  readonly rampMs: number
}

export interface StreamResult {
  /** From the request to the first event, us. */
  readonly firstP50Us: number
  /** From the time a token was sent by the model server, us. */
  readonly tokenP50Us: number
  readonly tokenP99Us: number
  readonly tokens: number
  readonly tokensPerSecond: number
  /** Streams without an end. */
  readonly broken: number
}

const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'How many?' }], stream: true })
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'x-stopgate-context': 'task=bench' }
const SENT_AT = /"reasoning":" (\d+)"/g

interface Seen { readonly first: number[], readonly tokens: number[], broken: number }

async function readStream (url: string, seen: Seen): Promise<void> {
  await new Promise<void>((resolve) => {
    const since = sharedUs()
    let hasBegun = false
    let last = ''
    const end = (): void => {
      if (!last.includes('[DONE]')) seen.broken++
      resolve()
    }
    request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers }, (response) => {
      response.setEncoding('latin1')
      response.on('data', (text: string) => {
        const now = sharedUs()
        if (!hasBegun) seen.first.push(now - since)
        hasBegun = true
        for (const [, sentAt] of text.matchAll(SENT_AT)) seen.tokens.push(now - Number(sentAt))
        last = text
      })
      response.once('end', end).once('error', end)
    }).once('error', end).end(body)
  })
}

process.on('message', async ({ url, streams, rampMs }: StreamOrder) => {
  const seen: Seen = { first: [], tokens: [], broken: 0 }
  const since = sharedUs()
  await Promise.all(Array.from({ length: streams }, async (_, i) => {
    await setTimeout(rampMs * i / streams)
    await readStream(url, seen)
  }))
  const seconds = (sharedUs() - since) / 1e6
  const [first, tokens] = [seen.first, seen.tokens].map((us) => Float64Array.from(us).sort())
  process.send!({
    firstP50Us: quantile(first!, 0.5),
    tokenP50Us: quantile(tokens!, 0.5),
    tokenP99Us: quantile(tokens!, 0.99),
    tokens: tokens!.length,
    tokensPerSecond: tokens!.length / seconds,
    broken: seen.broken,
  } satisfies StreamResult)
})
process.send?.('ready')
