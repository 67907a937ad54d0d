import type { FleetReply, Ready } from './api.js'
import { ContextsTable } from './contexts-table.js'
import { ago, clockTime, count, duration, percent, points, short, spread, words } from './format.js'
import { useData } from './live.js'
import { NextStep } from './next-step.js'
import { PauseSwitch } from './pause.js'
import { Age, Badge, Card, DropBar, Loading, Tile } from './parts.js'
import { routeTo } from './route.js'
import { SavingsPanel } from './savings-panel.js'
import { StoreLoss } from './store-loss.js'

const MODES = ['enforce', 'shadow', 'off'] as const
const STATUSES = ['certified', 'suspended', 'learning', 'unlikely', 'drifted'] as const

function StatusBar ({ fleet: { contexts, by_status: counts } }: { fleet: FleetReply }) {
  return (
    <>
      <div class='stack' aria-hidden='true'>
        {STATUSES.map((status) => counts[status] > 0 && <span key={status} class={status} style={{ flexGrow: counts[status] }} />)}
      </div>
      <ul class='legend'>
        {STATUSES.map((status) => (
          <li key={status}>
            <Badge kind={status} /> <b>{count(counts[status])}</b>{' '}
            <span class='muted'>{contexts === 0 ? '' : percent(counts[status] / contexts, 0)}</span>
          </li>
        ))}
      </ul>
    </>
  )
}

function Modes ({ fleet: { by_mode: modes, pinned } }: { fleet: FleetReply }) {
  return (
    <ul class='legend'>
      {MODES.map((mode) => modes[mode] > 0 && <li key={mode}><Badge kind={mode} /> <b>{count(modes[mode])}</b></li>)}
      {pinned > 0 && <li><Badge kind='pinned'>pins</Badge> <b>{count(pinned)}</b></li>}
    </ul>
  )
}

/** The first view: savings, contexts by status, and alarms. */
export function FleetView () {
  const { data: fleet, error, staleSince } = useData<FleetReply>('v1/fleet')
  const isAway = useData<Ready>('readyz').data?.store.up === false // then the service has its last reading
  if (fleet === null) return <Loading error={error} />
  return (
    <>
      <div class='card-head'>
        <h1>Fleet{fleet.prefix !== '*' && <span class='muted'> {fleet.prefix}</span>}</h1>
        {fleet.prefix === '*' && <PauseSwitch />}
      </div>
      {fleet.prefix === '*' && <StoreLoss />}
      <Age since={staleSince} />
      {isAway && staleSince === null && <StoreAway fleet={fleet} />}
      {fleet.contexts === 0 && fleet.alarms_total === 0 ? <NextStep /> : <KnownFleet fleet={fleet} isOld={isAway || staleSince !== null} />}
    </>
  )
}

/** While the store is away: what is decided now, and how old the other figures are. */
function StoreAway ({ fleet: { at, snapshot: { age_seconds: age } } }: { fleet: FleetReply }) {
  return (
    <p class='problem' role='status'>
      <span aria-hidden='true'>▲</span> The store is away. Modes, thresholds and pins are those by which this replica decides now
      {age === null ? '' : `, as of ${duration(age)} ago`}. {at === null ? 'Other figures have not been read since it started.' : `Other figures are old: they were read at ${clockTime(at)}.`}
    </p>
  )
}

/** A fleet that has contexts. */
function KnownFleet ({ fleet, isOld }: { fleet: FleetReply, isOld: boolean }) {
  const alarms = <Card title={`Alarms (${count(fleet.alarms_total)})`}><AlarmList fleet={fleet} isOld={isOld} /></Card>
  return (
    <>
      {fleet.alarms_total > 0 && alarms}
      <div class='tiles'>
        <Tile title='Tokens saved, net' value={<>{short(fleet.tokens_saved)}{fleet.tokens_saved_ratio !== null && <small> {percent(fleet.tokens_saved_ratio)} at present</small>}</>}>
          {fleet.tokens_saved === null
            ? `Not known yet: too few control generations since stops began. Probes have cost ${short(fleet.probe_tokens)}`
            : `${spread([fleet.tokens_saved_low, fleet.tokens_saved_high])}${short(fleet.tokens_saved_gross)} by stopping, less ${short(fleet.probe_tokens)} for probes`}
        </Tile>
        <Tile title='EM lost at present' value={points(fleet.em_drop)}>
          {fleet.em_drop !== null && fleet.max_em_drop !== null && (
            <DropBar drop={fleet.em_drop} low={null} high={null} bound={fleet.max_em_drop}>
              of {points(fleet.max_em_drop, 1)} allowed, by the thresholds now in force, a mean over all generations
            </DropBar>
          )}
        </Tile>
        <Tile title='Generations' value={short(fleet.control_generations + fleet.treated_generations)}>
          {count(fleet.control_generations)} control, {count(fleet.treated_generations)} treated, in the present epochs
        </Tile>
        <Tile title='Contexts' value={count(fleet.contexts)}>{count(fleet.stopping)} stop early<Modes fleet={fleet} /></Tile>
      </div>
      <div class='columns'>
        <Card title='Contexts by status'><StatusBar fleet={fleet} /></Card>
        {fleet.alarms_total === 0 && alarms}
      </div>
      {fleet.contexts > 0 && fleet.at !== null && <SavingsPanel fleet={{ ...fleet, at: fleet.at }} />}
      {fleet.contexts > 0 && <ContextsTable />}
    </>
  )
}

type Alarm = FleetReply['alarms'][number]['alarm']

/** The meaning of each alarm, and whether something was lost. */
const MEANINGS: Readonly<Record<Alarm, readonly [kind: 'bad' | 'warn', meaning: string]>> = {
  drift: ['bad', 'Stopping loses more EM than allowed, as full runs show. The certified threshold was withdrawn.'],
  breach: ['bad', 'Served answers lose more EM than the probed ones, by more than is allowed. A certified threshold was withdrawn; a pin stays.'],
  left_pool: ['bad', 'Its own generations lose more EM than its pool allows, so it has left the pool. Only a pin can stop generations in it.'],
  large_loss: ['bad', 'Stopping loses more than 5 points of EM. A pin or its policy allows that: check the pin, and max_em_drop.'],
  drift_suspected: ['warn', 'More EM seems to be lost than allowed. More control generations are drawn.'],
  breach_suspected: ['warn', 'Served answers seem to lose more EM than the probed ones, by more than is allowed. More control generations are drawn.'],
  outcomes_missing: ['warn', 'Most enrolled generations are missing: their outcomes, steps or labels have not arrived in time.'],
  labels_missing: ['warn', 'Labels do not come, or come later than before: differing answers count as lost, or a loss may be hidden. The page of the context says more.'],
  tokens_lost: ['warn', 'Probes cost more tokens than stops save.'],
  score_unavailable: ['bad', 'The policy names a predictor as the score that is retired or unknown, so nothing is stopped. Set another score.'],
  fidelity_low: ['warn', 'Stops often serve other answers than were probed there. If they lost too much, no certified threshold is in force for a time.'],
  suspended: ['bad', 'Nothing is stopped, since most of the newest control generations came to nothing, or most of the newest stops were refused. The page of the context says which.'],
  arms_differ: ['warn', 'Graded treated generations have a lower EM than control ones, by more than is allowed and more than chance would explain.'],
  steps_missing: ['warn', 'Control outcomes lack steps for which a decision was asked, so they count as missing.'],
  cadences_differ: ['bad', 'Treated generations ask more often than control ones, so nothing is certified, or less often, so they save less.'],
  prompt_unmarked: ['warn', 'Outcomes do not say whether other samples share their prompt. Such samples should count once.'],
  left_out_high: ['warn', 'More control generations are left out of the evidence than may be lost: they did not ask at their first check, or the store was away. Above twice as many, nothing is certified.'],
  cancelled_high: ['warn', 'More control generations are cancelled than may be lost.'],
  grader_unseen: ['warn', 'EM never changes, and no answers are stated, so nobody sees whether the grader works.'],
  probe_form_unfit: ['warn', 'Forced answers often differ from those of the model. Reset the context to have the form found again, or state it by the option probe.'],
  answers_unprobed: ['warn', 'No check has an answer: answers are longer than a probe may be, or probes fail or come too late, so nothing can be certified.'],
  grader_broken: ['bad', 'Grades show no differences, or contradict each other: no further threshold is certified, and a loss would not be seen.'],
}

/** @param isOld whether the figures could not be read again */
function AlarmList ({ fleet: { alarms, alarms_total: total, by_mode: modes }, isOld }: { fleet: FleetReply, isOld: boolean }) {
  if (total === 0 && isOld) return <p class='note'>There was no alarm when the figures were read.</p>
  if (total === 0 && modes.enforce === 0) return <p class='note'>There is no alarm, but nothing is stopped: no context has the mode enforce.</p>
  if (total === 0) return <p class='calm'><span aria-hidden='true'>✓</span> Nothing needs attention.</p>
  return (
    <ul class='alarms'>
      {alarms.map(({ key, alarm, since }) => {
        const [kind, meaning] = MEANINGS[alarm]
        return (
          <li key={key + alarm} class={kind}>
            <span class='sign' aria-hidden='true'>{kind === 'bad' ? '▲' : '△'}</span>
            <div>
              <b>{words(alarm)}</b> in <a href={routeTo('context', key)}>{key}</a> {since !== null && <span class='muted'>{ago(since, Date.now())}</span>}<br />
              <span class='muted'>{meaning}</span>
            </div>
          </li>
        )
      })}
      {total > alarms.length && <li>and {count(total - alarms.length)} more</li>}
    </ul>
  )
}
