import { Agent, type Dispatcher } from 'undici'
import { exchange, type UpstreamReply } from './exchange.js'
import type { RawHeaders } from './hop-by-hop.js'
import type { DialectName } from './proxy-settings.js'
import { UpstreamError } from './upstream-error.js'

/** vLLM closes idle connections after 5 s, and a request that meets the close is lost. So they are given up before, ms. */
const IDLE_MS = 4000

export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: Dispatcher.DispatchOptions['body']
  readonly signal: AbortSignal
}

export type Upstream = ReturnType<typeof createUpstream>

export interface UpstreamOptions {
  /** Gets the path of each request that is sent. */
  readonly onRequest?: (path: string) => void
  /** What the model server is, as far as it is known; `auto`: not yet. */
  readonly dialect?: () => DialectName | 'auto'
}

/** The model server. Generations may take as long as they like: clients have time limits of their own. */
export function createUpstream (address: string, { onRequest = () => {}, dialect = () => 'auto' }: UpstreamOptions = {}) {
  const { origin, pathname } = new URL(address)
  const base = pathname.replace(/\/+$/, '')
  const options = { keepAliveTimeout: IDLE_MS, keepAliveMaxTimeout: IDLE_MS, headersTimeout: 0, bodyTimeout: 0, connections: null }
  const forStreams = new Agent(options)
  /** An agent of its own: undici searches its connections in turn for an idle one, and those of streams are busy. */
  const forJson = new Agent(options)

  async function send (agent: Agent, { method, path, headers, body, signal }: UpstreamRequest, reset: boolean): Promise<UpstreamReply> {
    onRequest(path)
    const sent = { origin, path: base + path, method: method as Dispatcher.HttpMethod, headers: headers as string[], body, reset }
    return await exchange(agent, sent, signal)
  }

  /**
   * llama.cpp closes the connection after a streamed reply without saying so, and a request that meets the close would be lost. So a
   * connection is used again only if the server is known not to be llama.cpp.
   */
  const mustReset = () => dialect() === 'auto' || dialect() === 'llama.cpp'
  const open = async (request: UpstreamRequest): Promise<UpstreamReply> => await send(forStreams, request, mustReset())

  return {
    address,
    /** Sends a request whose reply may be a stream. */
    open,
    /** Sends and reads JSON. @throws UpstreamError, or what undici throws */
    async json (path: string, headers: RawHeaders, body: unknown, signal: AbortSignal): Promise<any> {
      const isPost = body !== undefined
      const reply = await send(forJson, { method: isPost ? 'POST' : 'GET', path, headers, body: isPost ? JSON.stringify(body) : null, signal }, false)
      const text = await reply.body.text()
      if (reply.status !== 200) throw new UpstreamError(`${path} was answered ${reply.status} ${text.slice(0, 200)}`)
      try { return JSON.parse(text) } catch { throw new UpstreamError(`${path} was answered with what is no JSON: ${text.slice(0, 200)}`) }
    },
    close: async () => { await Promise.all([forStreams.destroy(), forJson.destroy()]) },
  }
}
