/** The view that the page shows, as the fragment of its address states it. */
export interface Route {
  readonly view: 'fleet' | 'context' | 'training' | 'changes' | 'generation'
  /** Context key, name of a training run or id of a generation; `null`: none. */
  readonly name: string | null
  /** The text after a question mark. */
  readonly query: URLSearchParams
}

const VIEWS = ['context', 'training', 'changes', 'generation'] as const

export function parseRoute (hash: string): Route {
  const [path = '', text] = hash.split('?', 2)
  const query = new URLSearchParams(text)
  const [, view, name = ''] = /^#\/(\w+)(?:\/(.*))?$/.exec(path) ?? []
  const known = VIEWS.find((candidate) => candidate === view)
  if (known === undefined) return { view: 'fleet', name: null, query }
  return { view: known, name: name === '' ? null : decoded(name), query }
}

export function routeTo (view: Route['view'], name?: string): string {
  return view === 'fleet' ? '#/' : `#/${view}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`
}

function decoded (text: string): string {
  try { return decodeURIComponent(text) } catch { return text }
}
