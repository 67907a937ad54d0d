import type { Fleet } from './api-types.js'
import { ago, words } from './format.js'
import { routeTo } from './route.js'

type Alarm = Fleet['alarms'][number]['alarm']

/** What each alarm means, and whether something was lost. */
const MEANINGS: Readonly<Record<Alarm, readonly [kind: 'bad' | 'warn', meaning: string]>> = {
  drift: ['bad', 'Full runs lose more EM than allowed. The threshold was withdrawn, and nothing is stopped.'],
  breach: ['bad', 'Real stops lose more EM than allowed. A certified threshold was withdrawn; a pin stays.'],
  left_pool: ['bad', 'Its own generations lose more EM than its pool allows, so it has left the pool. Only a pin stops anything in it.'],
  drift_suspected: ['warn', 'More EM seems to be lost than allowed. More control generations are drawn.'],
  breach_suspected: ['warn', 'Real stops seem to lose more EM than allowed. More control generations are drawn.'],
  outcomes_missing: ['warn', 'Generations are enrolled, but none of their outcomes comes.'],
  outcomes_not_enrolled: ['warn', 'Most outcomes are of generations that did not ask at their first step.'],
  no_net_savings: ['warn', 'Probes cost more than stopping would save.'],
  signals_refused: ['warn', 'Signals have too many names.'],
}

export function AlarmList ({ fleet: { alarms, alarms_total: total } }: { fleet: Fleet }) {
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
      {total > alarms.length && <li>and {total - alarms.length} more</li>}
    </ul>
  )
}
