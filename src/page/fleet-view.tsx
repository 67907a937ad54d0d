import { AlarmCard } from './alarms.js'
import type { FleetReply, Ready } from './api.js'
import { ContextsTable } from './contexts-table.js'
import { clockTime, count, duration, percent, points, short, spread } from './format.js'
import { useData } from './live.js'
import { NextStep } from './next-step.js'
import { PauseSwitch } from './pause.js'
import { Age, Badge, Card, DropBar, Loading, Tile } from './parts.js'
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
  return (
    <>
      {fleet.alarms_total > 0 && <AlarmCard alarms={fleet.alarms} total={fleet.alarms_total} />}
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
        {fleet.alarms_total === 0 && <Card title='Alarms (0)'><NoAlarm fleet={fleet} isOld={isOld} /></Card>}
      </div>
      {fleet.contexts > 0 && fleet.at !== null && <SavingsPanel fleet={{ ...fleet, at: fleet.at }} />}
      {fleet.contexts > 0 && <ContextsTable />}
    </>
  )
}

/** @param isOld whether the figures could not be read again */
function NoAlarm ({ fleet: { by_mode: modes }, isOld }: { fleet: FleetReply, isOld: boolean }) {
  if (isOld) return <p class='note'>There was no alarm when the figures were read.</p>
  if (modes.enforce === 0) return <p class='note'>There is no alarm, but nothing is stopped: no context has the mode enforce.</p>
  return <p class='calm'><span aria-hidden='true'>✓</span> Nothing needs attention.</p>
}
