import { useState } from 'preact/hooks'
import { PolicyForm } from './actions.js'
import type { PolicyReply } from './api.js'
import { Card } from './parts.js'
import { routeTo } from './route.js'

/** For a service that nobody has asked yet. */
export function NextStep () {
  return (
    <Card title='Next step'>
      <p>No outcome has arrived yet. Let a model server ask this service:</p>
      <pre>VLLM_PLUGINS=stopgate STOPGATE_URL={location.origin} vllm serve …</pre>
      <pre>npx stopgate proxy --upstream http://127.0.0.1:8000 --service {location.origin}</pre>
      <p class='note'>Then contexts appear here, first with the status “learning”. Nothing is stopped before a threshold is certified, half an hour later at the earliest.</p>
    </Card>
  )
}

interface UnknownContextProps {
  readonly name: string
  /** The policy that it has; `null`: not read yet. */
  readonly policy: PolicyReply | null
  readonly onChange: () => void
}

/** For a context of which the service knows nothing, or only a policy. */
export function UnknownContext ({ name, policy, onChange }: UnknownContextProps) {
  const [isOpen, setOpen] = useState(false)
  if (name === '*') return <NextStep />
  const hasPolicy = policy !== null && Object.keys(policy.policy).length > 0
  return (
    <Card title='Nothing is known of this context'>
      <p>No worker has named it yet, or there was no room for it. Check how workers spell it: the <a href={routeTo('fleet')}>Fleet view</a> lists the contexts that are known.</p>
      {hasPolicy
        ? <p>It has a policy, which applies from its first generation: <code>{JSON.stringify(policy.policy)}</code></p>
        : <p>If it is meant to come, you can set its policy now. It applies from the first generation.</p>}
      <div class='actions'><button type='button' onClick={() => { setOpen(true) }}>{hasPolicy ? 'Policy' : 'Set a policy in advance'} …</button></div>
      {isOpen && <PolicyForm context={{ key: name }} create onClose={(isDone) => { setOpen(false); if (isDone) onChange() }} />}
    </Card>
  )
}

/** For a service to which no training run has reported. */
export function ReportRuns () {
  return (
    <>
      <p>No run has reported a checkpoint yet. Send EM and mean tokens of each checkpoint that you evaluate:</p>
      <pre>{`curl -s ${location.origin}/v1/training-runs/my-run/checkpoints -H 'content-type: application/json' \\\n  -d '{"checkpoints": [{"step": 100, "suite": "gsm8k", "n": 500, "em": 0.71, "tokens_mean": 840}]}'`}</pre>
    </>
  )
}
