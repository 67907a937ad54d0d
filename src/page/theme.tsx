import { useEffect, useState } from 'preact/hooks'

const KEY = 'stopgate-theme'
const THEMES = ['auto', 'light', 'dark'] as const
type Theme = typeof THEMES[number]

const listeners = new Set<() => void>()
const query = matchMedia('(prefers-color-scheme: dark)')
query.addEventListener('change', announce)

function announce (): void { for (const listener of listeners) listener() }

function stored (): Theme { return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? 'auto' }

function apply (theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

apply(stored())

/** A number that grows when colours change, for drawings on a canvas. */
export function useThemeRevision (): number {
  const [revision, setRevision] = useState(0)
  useEffect(() => {
    const listener = () => { setRevision((before) => before + 1) }
    listeners.add(listener)
    return () => { listeners.delete(listener) }
  }, [])
  return revision
}

/** Switches from the colours of the system to light, and to dark. */
export function ThemeButton () {
  const [theme, setTheme] = useState(stored)
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!
  return (
    <button
      type='button' class='quiet' title={`Colours: ${theme}. Switch to ${next}.`} onClick={() => {
        localStorage.setItem(KEY, next)
        apply(next)
        setTheme(next)
        announce()
      }}
    >
      <span aria-hidden='true'>{theme === 'dark' ? '☾' : theme === 'light' ? '☀' : '◑'}</span><span class='visually-hidden'> Colours: {theme}</span>
    </button>
  )
}
