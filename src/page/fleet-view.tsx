import type { Fleet } from './api-types.js'
import { AlarmList } from './alarm-list.js'
import { ContextsTable } from './contexts-table.js'
import { count, percent, short, worth } from './format.js'
import { useData } from './live.js'
import { Badge, Card, Pending, Tile } from './parts.js'
import { PriceField, usePrice, type Price } from './price.js'

const MODES = ['enforce', 'shadow', 'off'] as const
const STATUSES = ['certified', 'learning', 'drifted'] as const

/** What the tokens saved are worth: by the price typed in, else by the prices of policies. */
function Worth ({ fleet, price }: { fleet: Fleet, price: Price | null }) {
  if (price !== null) return <>{price.currency} {worth(fleet.tokens_saved / 1e6 * price.amount)}</>
  return <>{worth(fleet.worth)}</>
}

function StatusBar ({ fleet: { contexts, by_status: counts } }: { fleet: Fleet }) {
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

function Modes ({ fleet: { by_mode: modes, pinned } }: { fleet: Fleet }) {
  return (
    <ul class='legend'>
      {MODES.map((mode) => modes[mode] > 0 && <li key={mode}><Badge kind={mode} /> <b>{count(modes[mode])}</b></li>)}
      {pinned > 0 && <li><Badge kind='pinned'>pins</Badge> <b>{count(pinned)}</b></li>}
    </ul>
  )
}

/** The first view: what is saved, what it is worth, how the contexts stand, and what needs attention. */
export function FleetView () {
  const { data: fleet, error } = useData<Fleet>('v1/fleet')
  const [price, setPrice] = usePrice()
  if (fleet === null) return <Pending error={error} />
  const generations = fleet.control_generations + fleet.treated_generations
  return (
    <>
      <h1>Fleet{fleet.prefix !== '*' && <span class='muted'> {fleet.prefix}</span>}</h1>
      <div class='tiles'>
        <Tile title='Tokens saved, net' value={short(fleet.tokens_saved)}>
          {short(fleet.tokens_saved_gross)} by stopping, less {short(fleet.probe_tokens)} for probes
        </Tile>
        <Tile title='Worth' value={<Worth fleet={fleet} price={price} />}>
          <PriceField price={price} onChange={setPrice} />
          {price === null && fleet.worth === null && 'Type a price in. It stays in this browser.'}
          {price === null && fleet.worth !== null && `By the prices of policies, for ${short(fleet.tokens_priced)} tokens`}
        </Tile>
        <Tile title='Generations' value={short(generations)}>
          {count(fleet.control_generations)} control, {count(fleet.treated_generations)} treated, in the present epochs
        </Tile>
        <Tile title='Contexts' value={count(fleet.contexts)}>{count(fleet.stopping)} stop early<Modes fleet={fleet} /></Tile>
      </div>
      <div class='columns'>
        <Card title='Contexts by status'><StatusBar fleet={fleet} /></Card>
        <Card title={`Alarms (${count(fleet.alarms_total)})`}><AlarmList fleet={fleet} /></Card>
      </div>
      <ContextsTable />
    </>
  )
}
