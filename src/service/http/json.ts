import type { IncomingMessage } from 'node:http'
import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { EncodedBodyError, MediaTypeError } from '../../errors/errors.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Whether bodies are parsed without a search for `__proto__` and `constructor`, which takes as long as parsing itself. Only for routes
     * whose strict schemas refuse such fields, or that read only known fields.
     */
    isParsedAsIs?: boolean
  }
}

type JsonParser = (request: FastifyRequest, body: string, done: (error: Error | null, body?: unknown) => void) => void

/**
 * Parses JSON bodies, and merge patches of PATCH requests, as Fastify does, but accepts an empty body on routes without one, since clients
 * may send the content type with every request.
 * @param check throws if a body that was received must not be parsed
 */
export function readJsonBodies (app: FastifyInstance, check: (request: FastifyRequest) => void): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  const parseAsIs = app.getDefaultJsonParser('ignore', 'ignore')
  app.addHook('onRequest', ({ headers }, reply, done) => { // preParsing hooks cost more
    const encoding = headers['content-encoding']
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return done()
    reply.header('accept-encoding', 'identity') // RFC 7694
    done(new EncodedBodyError(encoding.slice(0, 64)))
  })
  app.removeContentTypeParser('text/plain') // the error would be that the body is not an object, rather than not JSON
  const read: JsonParser = (request, body, done) => {
    try {
      check(request)
    } catch (error) {
      return done(error as Error)
    }
    const { config, schema } = request.route
    if (body.length === 0 && schema?.body === undefined) return done(null, undefined)
    const parser = config.isParsedAsIs ? parseAsIs : parse
    parser(request, body, done)
  }
  app.addContentTypeParser('application/json', (request, payload, done) => { readText(request, payload, (text) => { read(request, text, done) }, done) })
  // A merge patch that replaced something would remove what it does not name.
  app.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, (request, body: string, done) =>
    request.method === 'PATCH' ? read(request, body, done) : done(new MediaTypeError()))
}

/**
 * Reads a body as text. Fastify would do so, but takes its listeners off again, which costs more than reading.
 * @param read called with the text
 * @param fail called instead if the body is too large, or does not come to its end
 */
function readText (
  { headers, route: { bodyLimit } }: FastifyRequest, payload: IncomingMessage, read: (text: string) => void, fail: (error: Error) => void
): void {
  const chunks: Buffer[] = []
  let bytes = 0
  let isOver = false
  const refuse = (error: Error) => {
    if (isOver) return
    isOver = true
    chunks.length = 0 // the listeners stay until the rest of the body has come
    fail(error)
  }
  if (Number(headers['content-length']) > bodyLimit) return refuse(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE())
  payload.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= bodyLimit) chunks.push(chunk)
    else refuse(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE())
  })
  payload.on('error', (error) => { refuse(Object.assign(error, { statusCode: 400 })) })
  payload.on('end', () => {
    if (isOver) return
    isOver = true
    read((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString())
  })
}

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
