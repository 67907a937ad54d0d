import { createContext, type ComponentChildren } from 'preact'
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks'
import { readEventStream, type ApiError } from './api.js'
import { api } from './session.js'

/** How the page learns of changes: by events, or by reading again where it can't have them. */
type Liveness = 'connecting' | 'live' | 'polling'

interface Live { readonly liveness: Liveness, /** Grows with every change. */ readonly revision: number }

const LiveContext = createContext<Live>({ liveness: 'connecting', revision: 0 })
export const useLive = () => useContext(LiveContext)

const POLL_MS = 5000
const RETRY_MS = 3000
/** Sums over all contexts may be some seconds old, so figures that were read after an event are read again after this time. */
const AGAIN_MS = 1500

/** Follows the events of the service, and connects again when they end. */
export function LiveProvider ({ children }: { children: ComponentChildren }) {
  const [live, setLive] = useState<Live>({ liveness: 'connecting', revision: 0 })
  useEffect(() => {
    const stop = new AbortController()
    const readAgain = () => { if (!document.hidden) setLive((now) => ({ ...now, revision: now.revision + 1 })) }
    let later: ReturnType<typeof setTimeout> | undefined
    const moved = () => {
      setLive(({ revision }) => ({ liveness: 'live', revision: revision + 1 }))
      clearTimeout(later)
      later = setTimeout(readAgain, AGAIN_MS)
    }
    async function follow (): Promise<void> {
      while (!stop.signal.aborted) {
        try {
          const body = await api.open('v1/events', stop.signal)
          await readEventStream(body, moved)
        } catch { /* shown as polling below */ }
        if (stop.signal.aborted) return
        setLive(({ revision }) => ({ liveness: 'polling', revision }))
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
    follow().catch(() => {}) // it catches its own
    const poll = setInterval(readAgain, POLL_MS)
    document.addEventListener('visibilitychange', readAgain)
    return () => {
      stop.abort()
      clearInterval(poll)
      clearTimeout(later)
      document.removeEventListener('visibilitychange', readAgain)
    }
  }, [])
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>
}

interface Loaded<T> {
  readonly data: T | null
  readonly error: ApiError | null
  /** When the data were read, if they are shown although reading has failed since, ms; otherwise null. */
  readonly staleSince: number | null
  readonly reload: () => void
}

/** The last replies by path, which are shown while reading fails, also after another view was open. */
const known = new Map<string, { readonly data: unknown, readonly at: number }>()
const KNOWN_LIMIT = 100

function remember (path: string, data: unknown): void {
  known.delete(path)
  known.set(path, { data, at: Date.now() })
  if (known.size > KNOWN_LIMIT) known.delete(known.keys().next().value!)
}

/** Forgets all replies, which another token may not see. */
export function forgetReplies (): void { known.clear() }

/** Reads a path of the API, and again after changes, one request at a time. @param path `null`: nothing is read */
export function useData<T> (path: string | null): Loaded<T> {
  const { revision } = useLive()
  const [state, setState] = useState<{ path: string | null, data: T | null, error: ApiError | null }>({ path, data: null, error: null })
  const [round, setRound] = useState(0)
  const running = useRef<{ path: string, isAgain: boolean } | null>(null)
  const shown = useRef(path)
  shown.current = path

  useEffect(() => {
    if (path === null) return
    if (running.current?.path === path) { running.current.isAgain = true; return }
    const mine = running.current = { path, isAgain: false }
    async function read (path: string): Promise<void> {
      do {
        mine.isAgain = false
        try {
          const data = await api.call<T>('GET', path)
          remember(path, data)
          if (shown.current === path) setState({ path, data, error: null })
        } catch (error) {
          const failed = error as ApiError
          const dataOf = (before: typeof state) => before.path === path && before.data !== null ? before.data : lastKnown<T>(path, failed)
          if (shown.current === path) setState((before) => ({ path, data: dataOf(before), error: failed }))
        }
      } while (mine.isAgain && shown.current === path)
      if (running.current === mine) running.current = null
    }
    read(path).catch(() => {}) // it catches its own
  }, [path, revision, round])
  const reload = useCallback(() => { setRound((before) => before + 1) }, [])
  const isCurrent = state.path === path
  const staleSince = isCurrent && state.error !== null && state.data !== null && path !== null ? known.get(path)?.at ?? null : null
  return { data: isCurrent ? state.data : null, error: isCurrent ? state.error : null, staleSince, reload }
}

/** The last known figures, where the service or its store is away; a refusal or a missing thing is no reason to show them. */
function lastKnown<T> (path: string, { status }: ApiError): T | null {
  return status === 0 || status >= 500 ? (known.get(path)?.data ?? null) as T | null : null
}
