import { useEffect, useState } from 'preact/hooks'

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
