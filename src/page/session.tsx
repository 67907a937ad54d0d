import { useEffect, useRef, useState } from 'preact/hooks'
import { createApi } from './api.js'

const KEY = 'stopgate-token'
const listeners = new Set<() => void>()
let isWanted = false
/** The token, or its absence, with which the user closed the dialog. The dialog does not open by itself for the same token again. */
let dismissed: string | null | undefined

function setWanted (wanted: boolean): void {
  isWanted = wanted
  for (const listener of listeners) listener()
}

/** Calls the API with the token of this browser tab. */
export const api = createApi({
  fetch: (...request) => fetch(...request),
  token: () => sessionStorage.getItem(KEY),
  onRefused: () => { if (sessionStorage.getItem(KEY) !== dismissed) setWanted(true) },
})

/** Opens the dialog that asks for a token. */
export function askForToken (): void { setWanted(true) }

/** Asks for a token where the service wants one. It is kept until the tab is closed. */
export function TokenDialog ({ onChange }: { onChange: () => void }) {
  const [wanted, setShown] = useState(isWanted)
  const dialog = useRef<HTMLDialogElement>(null)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const listener = () => { setShown(isWanted) }
    listeners.add(listener)
    listener()
    return () => { listeners.delete(listener) }
  }, [])
  useEffect(() => {
    if (wanted && dialog.current?.open === false) dialog.current.showModal()
    if (!wanted) dialog.current?.close()
  }, [wanted])

  function use (token: string): void {
    if (token === '') sessionStorage.removeItem(KEY)
    else sessionStorage.setItem(KEY, token)
    setWanted(false)
    onChange()
  }

  return (
    <dialog ref={dialog} aria-labelledby='token-title' onCancel={() => { dismissed = sessionStorage.getItem(KEY) }} onClose={() => { setWanted(false) }}>
      <form method='dialog' onSubmit={(event) => { event.preventDefault(); use(field.current!.value.trim()) }}>
        <h2 id='token-title'>Token</h2>
        <p>
          This service shows its figures to operators only. Paste a token with the role <code>operator</code>, as{' '}
          <code>stopgate token NAME operator</code> made it. It stays in this tab and is forgotten when you close it.
        </p>
        <label>Token <input ref={field} type='password' autocomplete='off' spellcheck={false} required defaultValue={sessionStorage.getItem(KEY) ?? ''} /></label>
        <div class='buttons'>
          <button type='button' class='quiet' onClick={() => { use('') }}>Forget it</button>
          <button type='submit' class='main'>Use it</button>
        </div>
      </form>
    </dialog>
  )
}
