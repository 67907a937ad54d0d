import { useMemo, useState } from 'preact/hooks'
import type { AlignedData, Options } from 'uplot'
import type { GenerationReply } from './api.js'
import { axis, colour, ChartFigure, legendValue } from './chart.js'
import { clockTime, count, decimals, threshold, words } from './format.js'
import { useData } from './live.js'
import { Age, Badge, Card, Loading } from './parts.js'
import { routeTo } from './route.js'
import { RecentStops, StopsList } from './stops-list.js'

type Step = GenerationReply['steps'][number]

const MEANINGS: Readonly<Record<Step['reason'], string>> = {
  off: 'the mode of the policy is off',
  stale_snapshot: 'the replica was out of step with the store for too long',
  suspended: 'the certified threshold was suspended, since its guards could not see',
  no_threshold: 'no threshold was certified, or a pin said never',
  no_score: 'the worker sent no confidence',
  min_tokens: 'the min_tokens of the policy were not reached',
  asked_early: 'the worker asked before the check that its last reply had named',
  below_threshold: 'the score was too low',
  control_arm: 'the score was high enough, but control generations are never stopped',
  shadow: 'the score was high enough, but the mode of the policy is shadow',
  retry: 'the score was high enough, but the generation repeats another one',
  score_at_threshold: 'the score reached the threshold',
}

const COLUMNS = [
  { head: 'Tokens', cell: (step: Step) => count(step.tokens), isNumber: true },
  { head: 'Score', cell: (step: Step) => decimals(step.score, 4), isNumber: true },
  { head: 'Threshold', cell: (step: Step) => threshold(step.threshold), isNumber: true },
  { head: 'Decision', cell: (step: Step) => <b>{step.action}</b> },
  { head: 'Because', cell: (step: Step) => MEANINGS[step.reason] },
  { head: 'Time', cell: (step: Step) => clockTime(step.at) },
]

const shown = legendValue((value) => decimals(value, 4))

function options (): Omit<Options, 'width' | 'height'> {
  return {
    scales: { x: { time: false }, y: { range: [0, 1.05] } },
    axes: [axis('Tokens', (value) => count(value)), axis('Score', (value) => decimals(value, 2), { size: 55 })],
    series: [
      { label: 'Tokens', value: legendValue((value) => `${count(value)} tokens`) },
      { label: 'Score', stroke: colour('accent'), width: 2, points: { show: true, size: 6 }, value: shown },
      { label: 'Threshold', stroke: colour('good'), width: 2, dash: [8, 4], points: { show: true, size: 4 }, value: shown },
    ],
  }
}

/** Why a generation was stopped or not, by its id. */
export function GenerationView ({ name }: { name: string | null }) {
  const [id, setId] = useState(name ?? '')
  const { data, error, staleSince } = useData<GenerationReply>(name === null ? null : `v1/generations/${encodeURIComponent(name)}`)
  return (
    <>
      <h1>Why did it (not) stop?</h1>
      <Age since={staleSince} />
      <Card title='Find a generation' note='The decision log has control generations and a share of the treated ones, for a day unless configured otherwise.'>
        <form class='filters' onSubmit={(event) => { event.preventDefault(); location.hash = routeTo('generation', id.trim()) }}>
          <input type='search' aria-label='Generation id' placeholder='generation_id' required value={id} onInput={({ currentTarget }) => { setId(currentTarget.value) }} />
          <button type='submit' class='main'>Find</button>
        </form>
      </Card>
      {name === null
        ? <RecentStops />
        : data === null
          ? error?.status === 404
            ? <Card title={name} note='The decision log does not have its steps. Stops are listed for longer:'><StopsList filter={{ generation_id: name }} /></Card>
            : <Loading error={error} />
          : <GenerationCard generation={data} />}
    </>
  )
}

function GenerationCard ({ generation: { generation_id: id, context, arm, enrolled, steps, outcome } }: { generation: GenerationReply }) {
  const last = steps.at(-1)
  const data = useMemo(() => {
    const scored = [...new Map(steps.map((step) => [step.tokens, step])).values()].sort((a, b) => a.tokens - b.tokens)
    return [scored.map(({ tokens }) => tokens), scored.map(({ score }) => score), scored.map((step) => step.threshold)] as AlignedData
  }, [steps])
  return (
    <Card title={id}>
      <p class='badges'>
        {arm !== null && <Badge kind={arm === 'control' ? 'enforce' : 'learning'}>{arm}</Badge>}
        {enrolled && <Badge kind='certified'>enrolled</Badge>}
        <span>in <a href={routeTo('context', context)}>{context}</a></span>
      </p>
      {last !== undefined && (
        <p>
          At its last step, after {count(last.tokens)} tokens, the decision was <b>{last.action}</b> ({words(last.reason)}):{' '}
          {MEANINGS[last.reason]}.
        </p>
      )}
      {outcome !== undefined && (
        <p>
          It {outcome.cancelled ? 'was cancelled' : outcome.stopped ? 'was stopped' : 'ran in full'} with {count(outcome.tokens)} tokens;{' '}
          {outcome.em === null ? 'whether its answer was right is unknown' : `its answer was ${outcome.em === 1 ? 'right' : 'wrong'}`}.
        </p>
      )}
      <ChartFigure
        label={`Score and threshold of ${id}`} data={data} options={options} height={200} columns={COLUMNS} rows={steps} isOpen
        empty='No step is logged: the worker decided by itself.'
      />
    </Card>
  )
}
