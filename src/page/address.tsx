import { useEffect, useState } from 'preact/hooks'
import { parseRoute } from './route.js'

/** The fragment of the address, as it moves; and a setter for changes by `history`, which nobody is told of. */
export function useHash (): readonly [hash: string, setHash: (hash: string) => void] {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const follow = () => { setHash(location.hash) }
    window.addEventListener('hashchange', follow)
    return () => { window.removeEventListener('hashchange', follow) }
  }, [])
  return [hash, setHash]
}

/** The fragment with other parameters; those that are empty are left out, and all others stay. */
export function hashWith (hash: string, parameters: Readonly<Record<string, string>>): string {
  const { query } = parseRoute(hash)
  for (const [name, value] of Object.entries(parameters)) if (value === '') query.delete(name); else query.set(name, value)
  const path = hash.split('?', 1)[0] || '#/'
  return query.size === 0 ? path : `${path}?${query.toString()}`
}

/** A parameter in the address, so that links keep it, and its setter; empty if absent. */
export function useParameter (name: string): readonly [value: string, set: (value: string) => void] {
  const [hash, setHash] = useHash()
  const set = (value: string): void => {
    history.replaceState(null, '', hashWith(location.hash, { [name]: value }))
    setHash(location.hash)
  }
  return [parseRoute(hash).query.get(name) ?? '', set]
}
