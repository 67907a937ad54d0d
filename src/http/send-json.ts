import { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'

/** The head of a reply after `writeHead`, which `end` sends. */
interface Headed { _header: string }

/**
 * Sends JSON with status 200, without what Fastify does for replies of every kind. Node would send the text behind its head and an empty
 * chunk, which takes a list of buffers; as part of the head, it is one string that is written at once. Heads are written as Latin-1, so the
 * text must be ASCII then.
 */
export function sendJson ({ raw }: FastifyReply, text: string): void {
  const length = Buffer.byteLength(text)
  raw.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': length })
  if (length === text.length && raw.req.socket instanceof Socket) { // requests of `inject` have none
    (raw as unknown as Headed)._header += text
    raw.end()
  } else raw.end(text)
}
