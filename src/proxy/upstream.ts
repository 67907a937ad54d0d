import { Agent, type Dispatcher } from 'undici'
import { valueOf, type RawHeaders } from './hop-by-hop.js'

/** vLLM closes idle connections after 5 s, and a request that meets the close is lost. So they are given up before, ms. */
const IDLE_MS = 4000
/** Most bytes of a reply that is read whole. */
const MAX_REPLY_BYTES = 16 * 2 ** 20

export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: Dispatcher.DispatchOptions['body']
  readonly signal: AbortSignal
}

export interface UpstreamReply {
  readonly status: number
  readonly headers: RawHeaders
  /** Destroying it closes the connection, at which model servers abort the generation. */
  readonly body: Dispatcher.ResponseData['body']
}

/** The upstream answered with an error, or with what is no JSON. */
export class UpstreamError extends Error { override name = 'UpstreamError' }

export type Upstream = ReturnType<typeof createUpstream>

/**
 * The model server. Generations may take as long as they like: clients have time limits of their own.
 * @param onRequest gets the path of each request that is sent
 */
export function createUpstream (address: string, onRequest: (path: string) => void = () => {}) {
  const { origin, pathname } = new URL(address)
  const base = pathname.replace(/\/+$/, '')
  /** What the first reply names as its server. */
  let server: string | null = null
  const agent = new Agent({ keepAliveTimeout: IDLE_MS, keepAliveMaxTimeout: IDLE_MS, headersTimeout: 0, bodyTimeout: 0, connections: null })

  async function send ({ method, path, headers, body, signal }: UpstreamRequest, reset: boolean): Promise<UpstreamReply> {
    onRequest(path)
    const reply = await agent.request({
      origin, path: base + path, method: method as Dispatcher.HttpMethod, headers: headers as string[], body, signal, reset, responseHeaders: 'raw',
    })
    const raw = reply.headers as unknown as RawHeaders
    server ??= valueOf(raw, 'server') ?? ''
    return { status: reply.statusCode, headers: raw, body: reply.body }
  }

  /** llama.cpp closes the connection after a streamed reply without saying so, and a request that meets the close would be lost. */
  const open = async (request: UpstreamRequest): Promise<UpstreamReply> => await send(request, server === 'llama.cpp')

  return {
    address,
    /** Sends a request whose reply may be a stream. */
    open,
    /** Sends and reads JSON. @throws UpstreamError, or what undici throws */
    async json (path: string, headers: RawHeaders, body: unknown, signal: AbortSignal): Promise<any> {
      const isPost = body !== undefined
      const reply = await send({ method: isPost ? 'POST' : 'GET', path, headers, body: isPost ? JSON.stringify(body) : null, signal }, false)
      const text = await readText(reply.body)
      if (reply.status !== 200) throw new UpstreamError(`${path} was answered ${reply.status} ${text.slice(0, 200)}`)
      try { return JSON.parse(text) } catch { throw new UpstreamError(`${path} was answered with what is no JSON: ${text.slice(0, 200)}`) }
    },
    close: () => agent.destroy(),
  }
}

async function readText (body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of body) {
    parts.push(part)
    size += part.length
    if (size > MAX_REPLY_BYTES) throw new UpstreamError('the reply is too long')
  }
  return Buffer.concat(parts).toString()
}
