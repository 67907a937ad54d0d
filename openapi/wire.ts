import type { Guarantee } from '../src/core/decide/index.js'
import type { Change } from '../src/core/learn/index.js'
import type { Pin } from '../src/core/policy/index.js'

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

/** A change of the history as replies show it. */
export function changeToWire<T extends { readonly time: number, readonly alarm?: Change['alarm'] }> ({ alarm, ...row }: T) {
  return { ...withIsoTime(row), ...(alarm !== undefined && { alarm: alarmToWire(alarm) }) }
}

function alarmToWire ({ since, units: generations, em_drop, stops }: NonNullable<Change['alarm']>) {
  return { since: isoTime(since), em_drop, generations, stops }
}

export function withIsoTime<T extends { readonly time: number }> (row: T): Omit<T, 'time'> & { readonly time: string } {
  return { ...row, time: isoTime(row.time) }
}

/** A guarantee as replies show it. */
type WireGuarantee = Omit<Guarantee, 'since' | 'until'> & { readonly since: string, readonly until: string }

export function guaranteeToWire (guarantee: Guarantee): WireGuarantee
export function guaranteeToWire (guarantee: Guarantee | null): WireGuarantee | null
export function guaranteeToWire (guarantee: Guarantee | null): WireGuarantee | null {
  return guarantee && { ...guarantee, since: isoTime(guarantee.since), until: isoTime(guarantee.until) }
}

/** The pool of a context, as replies show it. */
type WirePool<P> = Omit<P, 'left_at'> & { readonly left_at: string | null }

export function poolToWire<P extends { readonly left_at: number | null }> (pool: P | null): WirePool<P> | null {
  return pool && { ...pool, left_at: pool.left_at === null ? null : isoTime(pool.left_at) }
}
