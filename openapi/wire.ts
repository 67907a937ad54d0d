import type { Pin } from '../src/core/contexts/pin.js'

/** A pin as replies show it. */
type WirePin = Omit<Pin, 'expires_at'> & { readonly expires_at: string | null }

export function isoTime (ms: number): string {
  return new Date(ms).toISOString()
}

export function pinToWire (pin: Pin): WirePin
export function pinToWire (pin: Pin | null): WirePin | null
export function pinToWire (pin: Pin | null): WirePin | null {
  return pin && { ...pin, expires_at: pin.expires_at === null ? null : isoTime(pin.expires_at) }
}

export function withIsoTime<T extends { readonly time: number }> (row: T): Omit<T, 'time'> & { readonly time: string } {
  return { ...row, time: isoTime(row.time) }
}

/** The pool of a context, as replies show it. */
interface WirePool extends Omit<PoolOfContext, 'left_at'> { readonly left_at: string | null }

interface PoolOfContext {
  readonly key: string
  readonly left_at: number | null
  readonly first_generations: { readonly seen: number, readonly of: number } | null
}

export function poolToWire (pool: PoolOfContext | null): WirePool | null {
  return pool && { ...pool, left_at: pool.left_at === null ? null : isoTime(pool.left_at) }
}
