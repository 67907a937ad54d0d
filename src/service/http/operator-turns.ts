import type { FastifyInstance } from 'fastify'
import { OverloadedError } from '../../errors/errors.js'

/** Requests of operators that a token has in work at once, and those that wait for their turn. */
const IN_WORK = 4
const WAITING = 256

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether an operator's request is served at once, however many others wait. */
    isUrgent?: boolean
  }
  interface FastifyRequest {
    /** Ends its turn. */
    endTurn?: () => void
  }
}

interface Turns { inWork: number, readonly waiting: Array<() => void> }

/**
 * Lets the requests of operators take turns, those of each token apart. One describes hundreds of contexts, in steps between which
 * decisions are answered; but thousands at once would each take a step in the same turn of the event loop.
 */
export function takeTurns (app: FastifyInstance): void {
  const byToken = new Map<string, Turns>()

  function endTurn (turns: Turns, tokenName: string): void {
    const next = turns.waiting.shift()
    if (next !== undefined) setImmediate(next)
    else if (--turns.inWork === 0) byToken.delete(tokenName)
  }

  app.addHook('onRoute', (route) => {
    if (route.config?.role !== 'operator' || route.config.isUrgent === true) return
    route.onRequest = [route.onRequest ?? []].flat().concat((request, reply, done) => {
      const { tokenName, raw } = request
      const turns = byToken.get(tokenName) ?? { inWork: 0, waiting: [] }
      byToken.set(tokenName, turns)
      const begin = () => {
        request.endTurn = () => {
          delete request.endTurn
          endTurn(turns, tokenName)
        }
        // A client that leaves amid its body is never answered. The work on a complete request goes on although its client has left.
        reply.raw.once('close', () => { if (!raw.complete) request.endTurn?.() })
        if (raw.destroyed) request.endTurn()
        else done()
      }
      if (turns.inWork < IN_WORK) {
        turns.inWork++
        begin()
      } else if (turns.waiting.length < WAITING) turns.waiting.push(begin)
      else done(new OverloadedError())
    })
    route.onSend = [route.onSend ?? []].flat().concat((request, _reply, payload, done) => {
      request.endTurn?.()
      done(null, payload)
    })
  })
}
