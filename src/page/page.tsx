import { useEffect, useState } from 'preact/hooks'
import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import { useHash } from './address.js'
import { ChangesView } from './changes-view.js'
import { ContextPage } from './context-view.js'
import { FleetView } from './fleet-view.js'
import { GenerationView } from './generation-view.js'
import { forgetReplies, LiveProvider, useData, useLive } from './live.js'
import type { Ready } from './api.js'
import { counted } from './format.js'
import { usePhone } from './phone.js'
import { parseRoute, routeTo, type Route } from './route.js'
import { askForToken, TokenDialog } from './session.js'
import { ThemeButton } from './theme.js'
import { TrainingView } from './training-view.js'
import './page.css'

const TABS: ReadonlyArray<readonly [view: Route['view'], title: string]> = [
  ['fleet', 'Fleet'], ['training', 'Training'], ['generation', 'Generations'], ['changes', 'Changes'],
]
const SHOWN = { connecting: ['◌', 'connecting'], live: ['●', 'live'], polling: ['◐', 'reading every 5 s'] } as const

/** What is away, if anything: the service, a snapshot by which this replica could decide, or the store. */
function awayOf ({ error, data }: Pick<ReturnType<typeof useData<Ready>>, 'error' | 'data'>): string | null {
  if (error !== null) return error.status === 0 ? 'service away' : 'not ready'
  return data?.store.up === false ? 'store away' : null
}

function useRoute (): Route {
  const [hash] = useHash()
  const route = parseRoute(hash)
  useEffect(() => { document.title = titleOf(route) }, [route.view, route.name])
  useEffect(() => { window.scrollTo(0, 0) }, [route.view, route.name]) // a filter in the address does not move the page
  return route
}

/** What a tab of the browser and its history show. */
function titleOf ({ view, name }: Route): string {
  return [name ?? TABS.find(([tab]) => tab === view)?.[1] ?? 'Fleet', 'stopgate'].join(' · ')
}

function View ({ view, name }: Route) {
  switch (view) {
    case 'context': return <ContextPage key={name} name={name ?? '*'} />
    case 'training': return <TrainingView name={name} />
    case 'generation': return <GenerationView key={name} name={name} />
    case 'changes': return <ChangesView key={name} name={name} />
    default: return <FleetView />
  }
}

function Shell ({ onToken }: { onToken: () => void }) {
  const route = useRoute()
  const { liveness } = useLive()
  const ready = useData<Ready>('readyz')
  const away = awayOf(ready)
  const [sign, word] = away === null ? SHOWN[liveness] : ['▲', away]
  const warnings = ready.error === null ? ready.data?.warnings ?? [] : [ready.error.message]
  const current = route.view === 'context' ? 'fleet' : route.view
  return (
    <>
      <a class='skip' href='#main' onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus() }}>Skip to the content</a>
      <header>
        <a class='brand' href={routeTo('fleet')}><img src='ui/icon.svg' alt='' width='24' height='24' />stopgate</a>
        <nav aria-label='Views'>
          {TABS.map(([view, title]) => <a key={view} href={routeTo(view)} aria-current={view === current ? 'page' : undefined}>{title}</a>)}
        </nav>
        <span class={`liveness ${away === null ? liveness : 'away'}`} role='status'><span aria-hidden='true'>{sign}</span> {word}</span>
        <ThemeButton />
        <button type='button' class='quiet' onClick={askForToken}>Token</button>
        <a class='quiet button' href='docs'>API</a>
      </header>
      <Warnings warnings={warnings} />
      <main id='main' tabIndex={-1}><View {...route} /></main>
      <TokenDialog onChange={onToken} />
    </>
  )
}

/** Warnings that a phone shows before the rest are folded. */
const SHOWN_ON_PHONE = 3

/** What needs attention. A phone shows the first sentence of each warning, and unfolds the advice after it. */
function Warnings ({ warnings }: { warnings: readonly string[] }) {
  const isPhone = usePhone()
  const shown = isPhone ? warnings.slice(0, SHOWN_ON_PHONE) : warnings
  const rest = warnings.slice(shown.length)
  const banners = (some: readonly string[]) => some.map((warning) => <Banner key={warning} warning={warning} isShort={isPhone} />)
  return (
    <>
      {banners(shown)}
      {rest.length > 0 && <details><summary class='banner'><span aria-hidden='true'>▲</span> {counted(rest.length, 'more warning')}</summary>{banners(rest)}</details>}
    </>
  )
}

function Banner ({ warning, isShort }: { warning: string, isShort: boolean }) {
  const sign = <span aria-hidden='true'>▲</span>
  const [, first, advice] = /^(.+?\.)\s(.+)$/s.exec(warning) ?? []
  if (!isShort || first === undefined) return <p class='banner' role='alert'>{sign} {warning}</p>
  return <div role='alert'><details class='banner'><summary>{sign} {first}</summary>{advice}</details></div>
}

/** The whole page. A new token reloads everything. */
function App () {
  const [session, setSession] = useState(0)
  return <LiveProvider key={session}><Shell onToken={() => { forgetReplies(); setSession((before) => before + 1) }} /></LiveProvider>
}

render(<App />, document.getElementById('page')!)
