import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sharedUs } from './shared-clock.js'

/**
 * A stand-in for vLLM that streams at a given rate. The text of each token is the time at which it was sent, so that the client knows how
 * long it was on its way.
 */
export interface StreamServerOrder { readonly tokensPerSecond: number, readonly tokens: number }

const OPEN_ID = 900
const CLOSE_ID = 901
const PROMPT_IDS = [1, 2, 3, OPEN_ID]

const envelope = { id: 'gen-1', object: 'chat.completion.chunk', created: 1, model: 'm' }

function chunkOf (delta: object, ids: readonly number[], more: object = {}): string {
  const chunk = { ...envelope, choices: [{ index: 0, delta, finish_reason: null, token_ids: ids }], ...more }
  return `data: ${JSON.stringify(chunk)}\n\n`
}

/** A chunk of the reply's body with its frame, so that a token is one write. */
function framed (text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

/** A reply under way. */
interface Stream { readonly response: ServerResponse, readonly tokens: number, readonly intervalMs: number, dueMs: number, sent: number }

const streams = new Set<Stream>()
const TICK_MS = 1
const [beforeTime, behindTime] = chunkOf({ reasoning: ' TIME' }, [32]).split('TIME') as [string, string]

/** Sends the tokens that are due. One timer for all: the stand-in must not be the bottleneck. */
function tick (): void {
  const now = performance.now()
  const token = framed(`${beforeTime}${sharedUs()}${behindTime}`)
  for (const stream of streams) {
    if (stream.dueMs > now) continue
    stream.dueMs += stream.intervalMs
    stream.response.socket!.write(token, 'latin1')
    if (++stream.sent === stream.tokens) finish(stream)
  }
}

setInterval(tick, TICK_MS)

function finish (stream: Stream): void {
  const { response, tokens } = stream
  streams.delete(stream)
  response.write(chunkOf({ content: '42' }, [CLOSE_ID, 42]))
  const usage = { prompt_tokens: PROMPT_IDS.length, completion_tokens: tokens + 2, total_tokens: PROMPT_IDS.length + tokens + 2 }
  response.end(`data: ${JSON.stringify({ ...envelope, choices: [], usage })}\n\ndata: [DONE]\n\n`)
}

function stream (response: ServerResponse, { tokensPerSecond, tokens }: StreamServerOrder): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  response.write(chunkOf({ role: 'assistant', content: '' }, [], { prompt_token_ids: PROMPT_IDS }))
  const intervalMs = 1000 / tokensPerSecond
  const started: Stream = { response, tokens, intervalMs, dueMs: performance.now() + intervalMs, sent: 0 }
  streams.add(started)
  response.once('close', () => { streams.delete(started) })
}

const json = (response: ServerResponse, body: object): void => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** The reply to a forced answer: a confidence that no threshold reaches. */
const PROBE = {
  ...envelope,
  choices: [{ text: '42', logprobs: { token_logprobs: [-3] } }],
  usage: { prompt_tokens: 64, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 48 } },
}

async function bodyOf (request: IncomingMessage): Promise<any> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString())
}

process.on('message', async (order: StreamServerOrder) => {
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') { json(response, { object: 'list', data: [{ id: 'm', object: 'model', owned_by: 'vllm' }] }); return }
    const body = await bodyOf(request)
    if (request.url === '/tokenize') json(response, { tokens: body.prompt.startsWith('<think>') ? [OPEN_ID] : [CLOSE_ID], max_model_len: 4096 })
    else if (request.url === '/v1/completions') json(response, PROBE)
    else stream(response, order)
  })
  server.listen(0, '127.0.0.1', 4096)
  await once(server, 'listening')
  process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
process.send?.('ready')
