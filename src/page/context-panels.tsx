import type { ContextDetail, PolicyFields, PredictorList } from './api.js'
import { count, decimals, percent, points, duration, words } from './format.js'
import { useData } from './live.js'
import { Card, KeyText, Table, DropBar } from './parts.js'
import { routeTo } from './route.js'

/** A context, and the policy in force for it. */
export interface PanelProps { readonly context: ContextDetail, readonly policy: PolicyFields }

const VERDICTS = {
  held: ['bad', '▲', 'Stops lost the answers that were probed, so no certified threshold is in force for a time.'],
  breached: ['bad', '▲', 'Served answers lose more EM against the probed ones than is allowed.'],
  suspected: ['warn', '△', 'Served answers seem to lose more EM against the probed ones than is allowed.'],
  none: ['good', '✓', 'Stops serve what was probed.'],
  unknown: ['muted', '–', 'Nothing is known yet of what stops serve since the threshold or the mode last changed.'],
} as const

interface DifferenceProps { readonly estimate: number, readonly interval: NonNullable<Interval>, readonly bound: number }

/** The difference of EM with its interval, between what may be lost and zero. */
function DifferenceBar ({ estimate, interval: [low, high], bound }: DifferenceProps) {
  const reach = Math.max(bound * 1.5, Math.abs(low), Math.abs(high))
  const place = (value: number) => `${(value / reach + 1) * 50}%`
  return (
    <div class='difference' role='img' aria-label={`${points(estimate)}, from ${points(low)} to ${points(high)}; ${points(-bound)} is allowed`}>
      <span class='interval' style={{ left: place(low), right: `calc(100% - ${place(high)})` }} />
      <span class='mark' style={{ left: place(estimate) }} />
      <span class='zero' style={{ left: '50%' }} /><span class='bound' style={{ left: place(-bound) }} />
      <span class='tag' style={{ left: place(-bound) }}>allowed</span><span class='tag' style={{ left: '50%' }}>0</span>
    </div>
  )
}

/** How many stops served the answer that was probed, and what the others cost. */
function FidelityText ({ fidelity }: Pick<ContextDetail, 'fidelity'>) {
  const { stops, awaiting_label: awaiting, ratio, em_drop: drop, interval } = fidelity
  if (ratio === null || interval === null) return <p class='note'>No stop has been reported since the threshold or the mode last changed.</p>
  return (
    <p>
      Served as probed: <b>{percent(ratio)}</b> of {count(stops)} stops; EM lost between probe and served answer:{' '}
      <b>{points(drop)}</b> <span class='muted'>({points(interval[0])} to {points(interval[1])}, of all treated generations)</span>
      {awaiting > 0 && <>; differing stops that wait for a label, not counted yet: <b>{count(awaiting)}</b></>}
    </p>
  )
}

function verdictOf ({ breach, held_until: heldUntil, stops }: ContextDetail['fidelity']): keyof typeof VERDICTS {
  if (breach === 'breached') return 'breached' // under a pin, also during a hold
  if (heldUntil !== null) return 'held'
  return breach === 'suspected' ? 'suspected' : stops === 0 ? 'unknown' : 'none'
}

const ARMS = { control: 'Control (run in full)', treated: 'Treated (stopped at the threshold)' } as const

type Interval = ContextDetail['em_difference_interval']

/** A figure with its interval in brackets below it. */
function withInterval (value: number | null, interval: Interval, render: (value: number | null) => string) {
  return interval === null ? render(value) : <>{render(value)}<span class='muted below'> ({render(interval[0])} to {render(interval[1])})</span></>
}

/** Generations that ran in full beside those that were stopped. */
export function ArmsPanel ({ context: { arms, em_difference_interval: interval, fidelity }, policy }: PanelProps) {
  const emOf = (name: string) => arms.find(({ arm }) => arm === name)?.em ?? 0
  const estimate = emOf('treated') - emOf('control')
  const [kind, sign, verdict] = VERDICTS[verdictOf(fidelity)]
  return (
    <Card isDetail title='Control against treated' note='Generations reported since the threshold, the mode or a pin last changed, weighted so that both arms stand for the same traffic. In brackets: 95 % intervals.'>
      <Table
        caption='Control against treated' rows={arms} columns={[
          { head: 'Arm', cell: ({ arm }) => ARMS[arm] },
          { head: 'Generations', cell: (row) => count(row.generations), isNumber: true },
          { head: 'EM', cell: (row) => withInterval(row.em, row.em_interval, percent), isNumber: true },
          { head: 'Mean tokens', cell: (row) => withInterval(row.tokens, row.tokens_interval, count), isNumber: true },
        ]}
      />
      {interval === null
        ? <p class='note'>A comparison of the arms needs 20 right and 20 wrong answers in each.</p>
        : (
          <>
            <DifferenceBar estimate={estimate} interval={interval} bound={policy.max_em_drop} />
            <p>
              Difference of EM: <b>{points(estimate)}</b> <span class='muted'>({points(interval[0])} to {points(interval[1])}, at level 0.001)</span>
            </p>
          </>
          )}
      <FidelityText fidelity={fidelity} />
      <p class={`verdict ${kind}`}><span aria-hidden='true'>{sign}</span> {verdict}</p>
    </Card>
  )
}

const TRIED = [
  { head: 'Form', cell: (row: TriedForm) => row.name },
  { head: 'Gives the real answer', cell: (row: TriedForm) => percent(row.agreement), isNumber: true },
  { head: 'The model repeats itself', cell: (row: TriedForm) => percent(row.self_agreement), isNumber: true },
  { head: 'Tokens', cell: (row: TriedForm) => decimals(row.tokens), isNumber: true },
]

type TriedForm = NonNullable<ContextDetail['probe_form']>['tried'][number]

/** How workers force answers, and how often these are the real ones. */
export function ProbeFormPanel ({ context: { probe_form: known } }: { context: ContextDetail }) {
  if (known === null) return null
  const { name, tokens, is_stated: isStated, tried, asked, validity } = known
  return (
    <Card isDetail title='Probe form' note='How workers force an answer at a check, to see whether stopping there would change it.'>
      {name === null
        ? <p class='verdict warn'><span aria-hidden='true'>△</span> No form gives the answers of the model, so nothing is probed.</p>
        : (
          <p>
            <b>{name}</b>, up to {count(tokens)} tokens{' '}
            <span class='muted'>· {isStated ? 'as stated' : 'found by trial'}</span>
            {validity !== null && <>; at the end of the reasoning it was right <b>{percent(validity)}</b> of {count(asked)} times</>}
          </p>
          )}
      {tried.length > 0 && <Table caption='Forms that were tried' rows={tried} columns={TRIED} />}
    </Card>
  )
}

/** The evidence of each context of a pool by itself, the worst first. */
export function MembersPanel ({ context: { members }, policy }: PanelProps) {
  if (members === null) return null
  const { total, over_bound: over, left, new: fresh, worst } = members
  return (
    <Card isDetail title='Members of the pool' note='The guarantee holds on average over the pool. The table shows the evidence of each member alone.'>
      <p><b>{count(over)}</b> of {count(total)} lose more than {points(policy.max_em_drop, 1)} so far <span class='muted'>· {count(left)} have left the pool · {count(fresh)} are new</span></p>
      <Table
        caption='Members of the pool' rows={worst} columns={[
          {
            head: 'Context',
            cell: (member) => <><a href={routeTo('context', member.key)}><KeyText name={member.key} /></a>{member.left_at !== null && <span class='badge drifted'><span aria-hidden='true'>▲</span> left</span>}</>,
          },
          { head: 'Generations', cell: (member) => count(member.control_generations), isNumber: true },
          {
            head: 'EM drop and bound',
            cell: ({ em_drop: drop, em_drop_low: low, em_drop_high: high }) =>
              drop === null ? '–' : <DropBar drop={drop} low={low} high={high} bound={policy.max_em_drop} />,
            isNumber: true,
          },
          { head: 'Tokens saved, net', cell: (member) => percent(member.tokens_saved_ratio), isNumber: true },
        ]}
      />
    </Card>
  )
}

type Field = keyof ContextDetail['follow_up']

const MEANINGS: Readonly<Record<Field, string>> = {
  enrolled: 'control generations that are enrolled',
  open: 'not accounted for yet: lost in the test until they are',
  accounted: 'outcome, steps and label came in time',
  missing: 'did not come in time: lost in the test, but no part of the estimates',
  cancelled: 'the client went away',
  left_out: 'not enrolled, or their list was void: the evidence leaves them out',
}

function Barred ({ value, most }: { value: number, most: number }) {
  return (
    <span class='barred'>
      {decimals(value, Number.isInteger(value) ? 0 : 1)}
      <span class='bar' aria-hidden='true'><span style={{ width: `${value / most * 100}%` }} /></span>
    </span>
  )
}

/** The fates of the enrolled generations. */
export function FollowUpPanel ({ context: { follow_up: fates }, policy }: PanelProps) {
  const { accounted, missing, cancelled } = fates
  const due = accounted + missing
  const rows = Object.keys(MEANINGS) as Field[]
  const most = Math.max(1, ...rows.map((field) => fates[field]))
  return (
    <Card isDetail title='Follow-up' note={`The state of the enrolled generations of this epoch. They have ${duration(policy.follow_up_seconds)} to report.`}>
      <p>{due === 0 ? <b>No generation is due yet</b> : <><b>{percent(accounted / due)}</b> accounted for</>} <span class='muted'>· {percent(cancelled / Math.max(1, due + cancelled))} cancelled</span></p>
      <Table
        caption='Follow-up' rows={rows.filter((field) => fates[field] > 0 || field === 'enrolled')} columns={[
          { head: 'What', cell: (field) => <b>{words(field)}</b> },
          { head: 'Generations', cell: (field) => <Barred value={fates[field]} most={most} />, isNumber: true },
          { head: 'Meaning', cell: (field) => <span class='muted'>{MEANINGS[field]}</span> },
        ]}
      />
    </Card>
  )
}

/** What each predictor, and the raw confidence, would have saved in the context. */
export function PredictorsPanel ({ context: { key, score } }: { context: ContextDetail }) {
  const { data } = useData<PredictorList>('v1/predictors')
  const rows = (data?.predictors ?? []).flatMap(({ name, status, held_out_savings: { [key]: savings } }) =>
    status === 'live' && savings !== undefined ? [{ name, ...savings }] : [])
  if (rows.length === 0) return null
  return (
    <Card isDetail title='Predictors' note='What they would have saved here, before the tokens of probes and answers: an estimate by cross-validation over prompts, and no certificate. To put one in force, set score in the policy to its name; a new epoch then begins.'>
      <Table
        caption='Predictors' rows={rows} columns={[
          { head: 'Predictor', cell: (row) => <><b><KeyText name={row.name} /></b>{row.name === score && <span class='muted'> in force</span>}</> },
          { head: 'It would save', cell: (row) => percent(row.tokens_saved_gross_ratio), isNumber: true },
          { head: 'The confidence', cell: (row) => percent(row.tokens_saved_gross_ratio_confidence), isNumber: true },
          { head: 'EM lost, at most', cell: (row) => points(row.max_em_drop, 1), isNumber: true },
          { head: 'Generations', cell: (row) => count(row.generations), isNumber: true },
        ]}
      />
    </Card>
  )
}
