import type { ComponentChildren } from 'preact'
import { points } from './format.js'

/** Where a fraction of the bound lies in the bar, which ends at twice the bound. */
function place (value: number, bound: number): string { return `${Math.min(100, Math.max(0, value / bound * 50))}%` }

export interface DropBarProps {
  readonly drop: number
  readonly low: number | null
  readonly high: number | null
  readonly bound: number
  /** What stands above the bar. */
  readonly children?: ComponentChildren
}

/** An EM drop with its interval against the bound, in words and as a bar. */
export function DropBar ({ drop, low, high, bound, children }: DropBarProps) {
  return (
    <span class='drop'>
      <span>{children ?? <>{points(drop)} <span class='muted'>of {points(bound, 1)}</span></>}</span>
      <span class='drop-bar' aria-hidden='true'>
        {low !== null && high !== null && <span class='interval' style={{ left: place(low, bound), right: `calc(100% - ${place(high, bound)})` }} />}
        <span class={drop > bound ? 'mark bad' : 'mark'} style={{ left: place(drop, bound) }} />
        <span class='bound' />
      </span>
    </span>
  )
}
