import { useState } from 'preact/hooks'
import type { PauseReply } from './api.js'
import { useData } from './live.js'
import { ReasonDialog } from './reason-dialog.js'
import { api } from './session.js'

/** The switch that pauses stopping, for operators of the whole fleet. It needs no store, so it has no dry run. */
export function PauseSwitch () {
  const { data, reload } = useData<PauseReply>('v1/pause')
  const [wanted, setWanted] = useState<boolean | null>(null)
  if (data === null) return null
  const title = (isOn: boolean) => isOn ? 'Pause stopping' : 'End the pause'

  async function send (reason: string): Promise<string | null> {
    const { stored, message } = wanted
      ? await api.call<PauseReply>('PUT', 'v1/pause', { reason })
      : await api.call<PauseReply>('DELETE', `v1/pause?reason=${encodeURIComponent(reason)}`)
    return stored ? null : message
  }

  return (
    <>
      <button type='button' class={data.paused ? 'main' : 'danger'} onClick={() => { setWanted(!data.paused) }}>{title(!data.paused)} …</button>
      {wanted !== null && (
        <ReasonDialog
          title={title(wanted)}
          note={wanted
            ? 'No generation is stopped any more, in any context. No evidence is lost, and the same button ends the pause.'
            : 'Generations are stopped again at the thresholds in force, by the mode that * had before.'}
          action={title(wanted)} send={send} onClose={() => { setWanted(null); reload() }}
        />
      )}
    </>
  )
}
