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

/** For a context of which the service knows nothing. */
export function UnknownContext ({ name }: { name: string }) {
  if (name === '*') return <NextStep />
  return (
    <Card title='Nothing is known of this context'>
      <p>No worker has named it yet, or there was no room for it. Check how workers spell it: the <a href={routeTo('fleet')}>Fleet view</a> lists the contexts that are known.</p>
      <p class='note'>A context appears with its first generation. A policy or a pin can be set before that, through the API.</p>
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
