import type { FastifyReply } from 'fastify'

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
