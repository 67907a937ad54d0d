import { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'

/** The head of a reply, which `writeHead` makes and `end` sends. It is private to Node. */
interface Headed { _header?: unknown }

/**
 * Sends JSON with status 200, without what Fastify does for replies of every kind. Node would send the text behind its head and an empty
 * chunk, which takes a list of buffers; as part of the head, it is one string that is written at once. Heads are written as Latin-1, so the
 * text must be ASCII then.
 */
export function sendJson ({ raw }: FastifyReply, text: string): void {
  const length = Buffer.byteLength(text)
  raw.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': length })
  const headed = raw as unknown as Headed
  if (length === text.length && typeof headed._header === 'string' && raw.req.socket instanceof Socket) { // requests of `inject` have none
    headed._header += text
    raw.end()
  } else raw.end(text)
}
