import type { ContextDetail, PredictorList } from './api.js'
import { count, decimals, percent, points, duration, words } from './format.js'
import { useData } from './live.js'
import { Card, Table, DropBar } from './parts.js'
import { routeTo } from './route.js'

type Arms = ContextDetail['arms']

const VERDICTS = {
  held: ['bad', '▲', 'Stops lost the answers that were probed, so no certified threshold is in force for a time.'],
  breached: ['bad', '▲', 'Real stops lose more than you allow.'],
  suspected: ['warn', '△', 'Real stops seem to lose more than you allow.'],
  unobservable: ['warn', '△', 'Whether real stops lose more than you allow cannot be seen: they are reported without their probes.'],
  none: ['good', '✓', 'No sign that real stops lose more than you allow.'],
  unknown: ['muted', '–', 'Nothing is known yet of what real stops lose since the threshold or the mode last changed.'],
} as const

interface DifferenceProps { readonly difference: NonNullable<Arms['em_difference']>, readonly bound: number }

/** The difference of EM with its interval, between what may be lost and zero. */
function DifferenceBar ({ difference: { estimate, low, high }, bound }: DifferenceProps) {
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
  const { stops, stops_without_probe: unobserved, stops_awaiting_label: awaiting, ratio } = fidelity
  const { em_drop: drop, em_drop_low: low, em_drop_high: high } = fidelity
  if (stops + unobserved === 0) return <p class='note'>No stop has been reported since the threshold or the mode last changed.</p>
  if (ratio === null) return <p class='note'>No stop was reported with its probe, so served answers cannot be compared with probed ones.</p>
  return (
    <p>
      Served as probed: <b>{percent(ratio)}</b> of {count(stops)} stops; EM lost between probe and served answer:{' '}
      <b>{points(drop)}</b> <span class='muted'>({points(low)} to {points(high)}, of all treated generations)</span>
      {awaiting > 0 && <>; differing stops that wait for a label, not counted yet: <b>{count(awaiting)}</b></>}
    </p>
  )
}

function verdictOf ({ breach, fidelity }: Pick<ContextDetail, 'breach' | 'fidelity'>): keyof typeof VERDICTS {
  const { breached, suspected, seen_by: seenBy, held_until: heldUntil } = breach
  if (breached) return 'breached' // under a pin, also during a hold
  if (heldUntil !== null) return 'held'
  if (suspected) return 'suspected'
  if (fidelity.stops + fidelity.stops_without_probe === 0) return 'unknown'
  return seenBy === 'fidelity' ? 'none' : 'unobservable'
}

/** Generations that ran in full beside those that were stopped. */
export function ArmsPanel ({ context: { arms, breach, fidelity, policy } }: { context: ContextDetail }) {
  const { em_difference: em } = arms
  const rows = [{ name: 'Control (run in full)', ...arms.control }, { name: 'Treated (stopped at the threshold)', ...arms.treated }]
  const [kind, sign, verdict] = VERDICTS[verdictOf({ breach, fidelity })]
  return (
    <Card isDetail title='Control against treated' note='Reported generations while a threshold was in force, weighted so that both arms stand for the same traffic. In brackets: 95 % intervals.'>
      <Table
        caption='Control against treated' rows={rows} columns={[
          { head: 'Arm', cell: (row) => row.name },
          { head: 'Generations', cell: (row) => count(row.generations), isNumber: true },
          { head: 'EM', cell: ({ em }) => em === null ? percent(null) : `${percent(em.estimate)} (${percent(em.low)} to ${percent(em.high)})`, isNumber: true },
          {
            head: 'Mean tokens',
            cell: ({ tokens }) => tokens === null ? count(null) : `${count(tokens.estimate)} (${count(tokens.low)} to ${count(tokens.high)})`,
            isNumber: true,
          },
        ]}
      />
      {em === null
        ? <p class='note'>Too few graded generations in an arm for a comparison.</p>
        : (
          <>
            <DifferenceBar difference={em} bound={policy.max_em_drop} />
            <p>
              Difference of EM: <b>{points(em.estimate)}</b> <span class='muted'>({points(em.low)} to {points(em.high)}, at level 0.001)</span>
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
  const { form, is_stated: isStated, generations, tried, asked, validity } = known
  return (
    <Card isDetail title='Probe form' note='How workers force an answer at a check, to see whether stopping there would change it.'>
      {form === null
        ? <p class='verdict warn'><span aria-hidden='true'>△</span> No form gives the answers of the model, so nothing is probed.</p>
        : (
          <p>
            <b>{form.name}</b>, up to {count(form.tokens)} tokens{' '}
            <span class='muted'>· {isStated ? 'as stated' : `found over ${count(generations)} generations`}</span>
            {validity !== null && <>; at the end of the reasoning it was right <b>{percent(validity)}</b> of {count(asked)} times</>}
          </p>
          )}
      {tried.length > 0 && <Table caption='Forms that were tried' rows={tried} columns={TRIED} />}
    </Card>
  )
}

/** The evidence of each context of a pool by itself, the worst first. */
export function MembersPanel ({ context: { members, policy } }: { context: ContextDetail }) {
  if (members === null) return null
  const { total, over_bound: over, left, new: fresh, worst } = members
  return (
    <Card isDetail title='Members of the pool' note='The guarantee holds on average over the pool. The table shows the evidence of each member alone.'>
      <p><b>{count(over)}</b> of {count(total)} lose more than {points(policy.max_em_drop, 1)} so far <span class='muted'>· {count(left)} have left the pool · {count(fresh)} are new</span></p>
      <Table
        caption='Members of the pool' rows={worst} columns={[
          {
            head: 'Context',
            cell: (member) => <><a href={routeTo('context', member.key)}>{member.key}</a>{member.left_at !== null && <span class='badge drifted'><span aria-hidden='true'>▲</span> left</span>}</>,
          },
          { head: 'Generations', cell: (member) => count(member.control_generations), isNumber: true },
          {
            head: 'EM drop of bound',
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
  accounted: 'outcome, steps and label came in time',
  missing: 'did not come in time, and count as lost',
  cancelled: 'the client went away',
  void: 'draws that enrolled nothing',
  unenrolled: 'outcomes of generations that were not enrolled',
  unlisted: 'of these, those that did not ask at their first step',
  late: 'outcomes that came too late',
  reported: 'outcomes that came with the steps they need',
  labels_wanted: 'outcomes that needed a label',
  labels_given: 'labels that came in time',
  signals_refused: 'outcomes with too many names of signals',
  steps_missing: 'control outcomes that lack some of their steps',
  unmarked: 'outcomes that may be samples of one prompt',
  calls: 'outcomes whose answer is calls of tools',
  rewarded: 'outcomes whose answer has a reward',
  unanswered: 'outcomes that asked and have no answer at any check',
  left_out: 'control generations that the evidence leaves out',
  listed_late: 'of these, those drawn while the store was away or slow',
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
export function FollowUpPanel ({ context }: { context: ContextDetail }) {
  const { follow_up: fates, follow_up_ratio: ratio, cancelled_ratio: cancelled, open_enrolments: open, unaccounted, policy } = context
  const rows = Object.keys(MEANINGS) as Field[]
  const most = Math.max(1, ...rows.map((field) => fates[field]))
  return (
    <Card isDetail title='Follow-up' note={`The state of the enrolled generations of this epoch. ${policy.follow_up_seconds === 0 ? 'Outcomes count on arrival.' : `They have ${duration(policy.follow_up_seconds)} to report.`}`}>
      <p>{fates.accounted + fates.missing === 0 ? <b>No generation is due yet</b> : <><b>{percent(ratio)}</b> accounted for</>} <span class='muted'>· {percent(cancelled)} cancelled · {count(open)} open · {count(unaccounted)} count as lost for now</span></p>
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
          { head: 'Predictor', cell: (row) => <><b>{row.name}</b>{row.name === score && <span class='muted'> in force</span>}</> },
          { head: 'It would save', cell: (row) => percent(row.tokens_saved_gross_ratio), isNumber: true },
          { head: 'The confidence', cell: (row) => percent(row.tokens_saved_gross_ratio_confidence), isNumber: true },
          { head: 'EM lost, at most', cell: (row) => points(row.max_em_drop, 1), isNumber: true },
          { head: 'Generations', cell: (row) => count(row.generations), isNumber: true },
        ]}
      />
    </Card>
  )
}
