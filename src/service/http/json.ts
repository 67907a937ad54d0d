import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { at, BodyTooLargeError, EncodedBodyError, InvalidInputError, MediaTypeError } from '../../errors/errors.js'
import { FREE_BODY_BYTES } from '../../http/body-admission.js'
import { isTooCostly } from '../../http/json-shape.js'
import type { Overload } from './overload.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Whether bodies are parsed without a search for `__proto__` and `constructor`, which takes as long as parsing itself. Only for routes
     * whose strict schemas refuse such fields, or that read only known fields.
     */
    isParsedAsIs?: boolean
  }
}

/** `bodyLimit` of routes that take many items, bytes. */
export const MANY_ITEMS_BYTES = 4 * 1024 * 1024

type Done = (error: Error | null, body?: unknown) => void

/**
 * Parses JSON bodies, and merge patches of PATCH requests, as Fastify does, but accepts an empty body on routes without one, since clients
 * may send the content type with every request.
 */
export function readJsonBodies (app: FastifyInstance, overload: Overload): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  const parseAsIs = app.getDefaultJsonParser('ignore', 'ignore')
  app.addHook('onRequest', ({ headers }, reply, done) => { // preParsing hooks cost more
    const encoding = headers['content-encoding']
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return done()
    reply.header('accept-encoding', 'identity') // RFC 7694
    done(new EncodedBodyError(encoding.slice(0, 64)))
  })
  app.removeContentTypeParser('text/plain') // the error would be that the body is not an object, rather than not JSON
  const parseText = (request: FastifyRequest, bytes: Buffer, done: Done) => {
    try {
      overload.check(request, performance.now())
      if (isTooCostly(bytes)) throw at('', new InvalidInputError('The body has too many levels, or too many arrays and objects'))
    } catch (error) {
      return done(error as Error)
    }
    const { config, schema } = request.route
    if (bytes.length === 0 && schema?.body === undefined) return done(null, undefined)
    const parser = config.isParsedAsIs ? parseAsIs : parse
    parser(request, bytes.toString(), done)
  }
  const read = (request: FastifyRequest, payload: IncomingMessage, done: Done) => {
    readBytes(request, payload, overload, (bytes) => { parseText(request, bytes, done) }, done)
  }
  app.addContentTypeParser('application/json', read)
  // A merge patch that replaced something would remove the fields that it does not name.
  app.addContentTypeParser('application/merge-patch+json', (request, payload, done) =>
    request.method === 'PATCH' ? read(request, payload, done) : done(new MediaTypeError()))
}

/**
 * Reads a body. Fastify would do so, but takes its listeners off again, which costs more than reading.
 * @param read called with the body
 * @param fail called instead if the body is too large, is refused, or does not come to its end
 */
function readBytes (
  request: FastifyRequest, payload: IncomingMessage, overload: Overload, read: (bytes: Buffer) => void, fail: (error: Error) => void
): void {
  const { headers, route: { bodyLimit } } = request
  const chunks: Buffer[] = []
  let bytes = 0
  let isOver = false
  const refuse = (error: Error) => {
    if (isOver) return
    isOver = true
    chunks.length = 0 // the listeners stay until the rest of the body has come
    fail(error)
  }
  if (Number(headers['content-length']) > bodyLimit) return refuse(new BodyTooLargeError(sizeOf(bodyLimit)))
  payload.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (isOver) return
    if (bytes > bodyLimit) return refuse(new BodyTooLargeError(sizeOf(bodyLimit)))
    chunks.push(chunk)
    if (bytes <= FREE_BODY_BYTES) return
    try {
      overload.hold(request, bytes)
    } catch (error) {
      refuse(error as Error)
    }
  })
  payload.on('error', (error) => { refuse(Object.assign(error, { statusCode: 400 })) })
  payload.on('end', () => {
    if (isOver) return
    isOver = true
    read(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  })
}

const sizeOf = (bytes: number): string => bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 1024} KiB`

/**
 * Sends JSON with status 200, without the steps that Fastify takes for replies of every kind. `end(text)` would send an empty chunk behind
 * the text, and so a list of buffers; a write in a corked socket puts head and text into one string, and leaves nothing for `end` to send.
 * Most replies are ASCII, which is written fastest as Latin-1.
 */
export function sendJson ({ raw }: FastifyReply, text: string): void {
  const length = Buffer.byteLength(text)
  raw.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': length })
  const { socket } = raw // null while the reply waits behind another one of its connection
  socket?.cork()
  raw.write(text, length === text.length ? 'latin1' : 'utf8')
  socket?.uncork()
  raw.end()
}
