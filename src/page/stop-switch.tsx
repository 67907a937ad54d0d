import { useState } from 'preact/hooks'
import type { StopNothingReply } from './api.js'
import { useData } from './live.js'
import { ReasonDialog } from './reason-dialog.js'
import { api } from './session.js'

const NOT_STORED = 'This replica stops nothing, but the store cannot be reached: give the same order to each of the other replicas.'

/** The switch that stops nothing, for operators of the whole fleet. It needs no store, so it has no dry run. */
export function StopSwitch () {
  const { data, reload } = useData<StopNothingReply>('v1/stop-nothing')
  const [wanted, setWanted] = useState<boolean | null>(null)
  if (data === null) return null

  async function send (reason: string): Promise<string | null> {
    const reply = await api.call<StopNothingReply>('POST', 'v1/stop-nothing', { on: wanted, reason })
    return reply.on && !reply.stored ? NOT_STORED : null
  }

  return (
    <>
      <button type='button' class={data.on ? 'main' : 'danger'} onClick={() => { setWanted(!data.on) }}>{data.on ? 'Resume stopping …' : 'Stop nothing …'}</button>
      {wanted !== null && (
        <ReasonDialog
          title={wanted ? 'Stop nothing' : 'Resume stopping'}
          note={wanted
            ? 'No generation is stopped any more, in any context. No evidence is lost, and the same button undoes it.'
            : 'Generations are stopped again at the thresholds in force, by the mode that * had before.'}
          action={wanted ? 'Stop nothing' : 'Resume stopping'} send={send} onClose={() => { setWanted(null); reload() }}
        />
      )}
    </>
  )
}
