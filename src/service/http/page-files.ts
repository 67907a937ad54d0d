import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { OverloadedError, RouteNotFoundError } from '../../errors/errors.js'

/** A text as it is served: a file of the page, or the OpenAPI document. */
interface ServedText {
  readonly etag: string
  readonly body: Buffer
  readonly gzipped: Buffer
}

/** Files by path. Links within the page are relative, so that it also works below a path of a reverse proxy. */
export const PAGE_FILES = [
  { path: '/', name: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/ui', name: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/ui/page.js', name: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/ui/page.css', name: 'page.css', type: 'text/css; charset=utf-8' },
  { path: '/ui/icon.svg', name: 'icon.svg', type: 'image/svg+xml' },
] as const

const known = new Map<string, ServedText>()

/** Reads a file of `dist/page` when it is first asked for. */
export function readPageFile (name: string): ServedText {
  let file = known.get(name)
  if (file === undefined) {
    file = servedText(readFileSync(fileURLToPath(import.meta.resolve(`#page/${name}`))))
    known.set(name, file)
  }
  return file
}

/** Compresses a text once, since anyone may request it. */
export function servedText (body: Buffer): ServedText {
  return { etag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`, body, gzipped: gzipSync(body) }
}

/** Sends a text, zipped where the client can read that, or 304 if the client has it. */
export function sendText (request: FastifyRequest, reply: FastifyReply, { etag, body, gzipped }: ServedText, type: string): FastifyReply {
  reply.headers({ ...PAGE_HEADERS, 'cache-control': 'no-cache', vary: 'accept-encoding', etag })
  if (request.headers['if-none-match']?.includes(etag) === true) return reply.code(304).send()
  const isZipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  if (isZipped) reply.header('content-encoding', 'gzip')
  return reply.type(type).send(isZipped ? gzipped : body)
}

/** For pages that people open: no guessing of types, no frames, no referrer. */
export const PAGE_HEADERS = {
  'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin',
}

/** Pages that are sent in one turn of the event loop, and requests for pages that wait for a later one. */
const IN_TURN = 2
const WAITING = 256

/**
 * Spreads the requests for the routes of a plugin over the turns of the event loop. Pages are long and need no token, and a turn reads from
 * all connections, so decisions would wait until hundreds of pages are sent.
 */
export function spreadPages (app: FastifyInstance): void {
  const waiting: Array<() => void> = []
  let sent = 0
  const beginTurn = (): void => {
    const next = waiting.splice(0, IN_TURN)
    sent = next.length
    if (sent > 0) setImmediate(beginTurn)
    for (const send of next) send()
  }
  app.addHook('onRequest', ({ raw: { socket } }, _reply, done) => {
    if (sent < IN_TURN) {
      if (sent++ === 0) setImmediate(beginTurn)
      done()
    } else if (waiting.length < WAITING) waiting.push(() => { if (!socket.destroyed) done() })
    else done(new OverloadedError())
  })
}

/** The error for a page that a plugin of Fastify offers, and this service does not. */
export function notAPage ({ method, url }: FastifyRequest): Error { return new RouteNotFoundError(method, url) }
