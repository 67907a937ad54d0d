import type { ContextState } from '../src/core/learn/context-state.js'

/** Fields of slices. */
export type Changes = { readonly [Slice in keyof ContextState]?: ContextState[Slice] | Partial<ContextState[Slice]> }

/** A state with some fields of its slices changed. */
export function changed (state: ContextState, changes: Changes): ContextState {
  const slices = Object.entries(changes).map(([slice, fields]) => {
    const before = state[slice as keyof ContextState]
    return [slice, fields == null ? fields : { ...before, ...fields }]
  })
  return { ...state, ...Object.fromEntries(slices) }
}
