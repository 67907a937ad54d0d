/** A problem of an input: its place as a JSON pointer, and what to change. */
export interface Problem { readonly path: string, readonly message: string }
