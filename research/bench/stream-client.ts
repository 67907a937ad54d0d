import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { quantile } from './figure.js'
import { sharedUs } from './shared-clock.js'

export interface StreamOrder {
  readonly url: string
  readonly streams: number
  /** Time over which the streams start, ms. */
  readonly rampMs: number
  /** Window in which tokens count, ms from the start: while all streams are under way. */
  readonly fromMs: number
  readonly untilMs: number
}

export interface StreamResult {
  /** From the start of the connection to the first event, us. */
  readonly firstP50Us: number
  /** From the time a token was sent by the model server, us. */
  readonly tokenP50Us: number
  readonly tokenP99Us: number
  readonly tokensPerSecond: number
  /** Streams without an end. */
  readonly broken: number
}

const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'How many?' }], stream: true })
const request = [
  'POST /v1/chat/completions HTTP/1.1', 'host: stand-in', 'content-type: application/json', `content-length: ${Buffer.byteLength(body)}`,
  'x-stopgate-context: task=bench', '', body,
].join('\r\n')
const SENT_AT = '"reasoning":" '
const LAST = 'data: [DONE]'

interface Seen { readonly first: number[], readonly tokens: number[], broken: number }

/** Reads one stream, without an HTTP client: that would cost as much as the measured server. */
async function readStream ({ url, fromMs, untilMs }: StreamOrder, startedUs: number, seen: Seen): Promise<void> {
  const { hostname, port } = new URL(url)
  const [fromUs, untilUs] = [startedUs + fromMs * 1000, startedUs + untilMs * 1000]
  await new Promise<void>((resolve) => {
    const since = sharedUs()
    const socket = connect(Number(port), hostname, () => { socket.write(request) }).setEncoding('latin1')
    let [hasBegun, isWhole, rest] = [false, false, '']
    socket.on('data', (chunk: unknown) => {
      const now = sharedUs()
      if (!hasBegun) seen.first.push(now - since)
      hasBegun = true
      const text = rest + chunk
      const end = text.lastIndexOf('\n') + 1 // an event may come in two pieces
      rest = text.slice(end)
      isWhole ||= text.includes(LAST)
      if (now >= fromUs && now < untilUs) {
        for (let at = text.indexOf(SENT_AT); at >= 0 && at < end; at = text.indexOf(SENT_AT, at + 1)) {
          seen.tokens.push(now - parseInt(text.slice(at + SENT_AT.length)))
        }
      }
      if (isWhole) socket.end()
    })
    socket.on('error', () => {}).once('close', () => {
      if (!isWhole) seen.broken++
      resolve()
    })
  })
}

process.on('message', async (order: StreamOrder) => {
  const { streams, rampMs, fromMs, untilMs } = order
  const seen: Seen = { first: [], tokens: [], broken: 0 }
  const startedUs = sharedUs()
  await Promise.all(Array.from({ length: streams }, async (_, i) => {
    await setTimeout(rampMs * (i + Math.random()) / streams)
    await readStream(order, startedUs, seen)
  }))
  const [first, tokens] = [seen.first, seen.tokens].map((us) => Float64Array.from(us).sort())
  process.send!({
    firstP50Us: quantile(first!, 0.5),
    tokenP50Us: quantile(tokens!, 0.5),
    tokenP99Us: quantile(tokens!, 0.99),
    tokensPerSecond: seen.tokens.length / (untilMs - fromMs) * 1000,
    broken: seen.broken,
  } satisfies StreamResult)
})
process.send?.('ready')
