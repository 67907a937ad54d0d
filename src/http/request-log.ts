import type { FastifyBaseLogger } from 'fastify'
import type { Bindings, ChildLoggerOptions } from 'pino'

type Method = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
interface Levelled extends FastifyBaseLogger { isLevelEnabled?: (level: string) => boolean }

/**
 * The log of a request, created on first use. Most requests log nothing, and creating a child logger costs more than a decision.
 */
export class RequestLog {
  readonly #parent: Levelled
  readonly #isDebugging: boolean
  readonly #requestId: string
  #child: FastifyBaseLogger | null = null

  /** @param isDebugging whether the parent logs at debug or below, which every decision asks */
  constructor (parent: FastifyBaseLogger, isDebugging: boolean, requestId: string) {
    this.#parent = parent
    this.#isDebugging = isDebugging
    this.#requestId = requestId
  }

  get level (): string { return this.#parent.level }

  isLevelEnabled (level: string): boolean { return this.#parent.isLevelEnabled?.(level) ?? true }

  child (bindings: Bindings, options?: ChildLoggerOptions): FastifyBaseLogger { return this.#made().child(bindings, options) }

  fatal (...args: unknown[]): void { this.#log('fatal', args) }
  error (...args: unknown[]): void { this.#log('error', args) }
  warn (...args: unknown[]): void { this.#log('warn', args) }
  info (...args: unknown[]): void { this.#log('info', args) }
  debug (...args: unknown[]): void { if (this.#isDebugging) this.#log('debug', args) }
  trace (...args: unknown[]): void { this.#log('trace', args) }
  silent (): void {}

  #log (method: Method, args: unknown[]): void {
    if (this.isLevelEnabled(method)) (this.#made()[method] as (...args: unknown[]) => void)(...args)
  }

  #made (): FastifyBaseLogger {
    this.#child ??= this.#parent.child({ reqId: this.#requestId })
    return this.#child
  }
}
