/** What is wrong with an input: a JSON pointer, and what to change. */
export interface Problem { readonly path: string, readonly message: string }
