import type { Pin } from '../core/in-force.js'

/** A pin as replies show it, its time ISO 8601. */
export type WirePin = Omit<Pin, 'expires_at'> & { readonly expires_at: string | null }

export function iso (ms: number): string {
  return new Date(ms).toISOString()
}

export function pinOnWire (pin: Pin): WirePin
export function pinOnWire (pin: Pin | null): WirePin | null
export function pinOnWire (pin: Pin | null): WirePin | null {
  return pin && { ...pin, expires_at: pin.expires_at === null ? null : iso(pin.expires_at) }
}
