import type { ContextDetail, FleetRow, TradeoffReply } from './api.js'
import { ago, count, words } from './format.js'
import { Card, KeyText } from './parts.js'
import { routeTo } from './route.js'

type Alarm = FleetRow['alarms'][number]

/** The meaning of each alarm, and whether something was lost. */
const MEANINGS: Readonly<Record<Alarm, readonly [kind: 'bad' | 'warn', meaning: string]>> = {
  drift: ['bad', 'Stopping loses more EM than allowed, as full runs show. The certified threshold was withdrawn.'],
  breach: ['bad', 'Served answers lose more EM than the probed ones, by more than is allowed. A certified threshold was withdrawn; a pin stays.'],
  left_pool: ['bad', 'Its own generations lose more EM than its pool allows, so it has left the pool. Only a pin can stop generations in it.'],
  large_loss: ['bad', 'Stopping loses more than 5 points of EM. A pin or its policy allows that: check the pin, and max_em_drop.'],
  drift_suspected: ['warn', 'Stopping may have begun to lose more right answers than you allow. It goes on until that is certain; then the service withdraws a certified threshold by itself. A pin stays. To take no risk until then, set the mode to off.'],
  breach_suspected: ['warn', 'Stops seem to serve worse answers than were probed, by more than you allow. They go on until that is certain; then the service withdraws a certified threshold by itself. A pin stays. Check that workers answer from exactly the prefix that was probed; to take no risk until then, set the mode to off.'],
  outcomes_missing: ['warn', 'Most enrolled generations are missing: their outcomes, steps or labels have not arrived in time.'],
  labels_missing: ['warn', 'Labels do not come, or come later than before: differing answers count as lost, or a loss may be hidden. See whether the grader runs and keeps up.'],
  tokens_lost: ['warn', 'Probes cost more tokens than stops save.'],
  score_unavailable: ['bad', 'The policy names a predictor as the score that is retired or unknown, so nothing is stopped. Set another score.'],
  fidelity_low: ['warn', 'Stops often serve other answers than were probed there. If they lost too much, no certified threshold is in force for a time.'],
  suspended: ['bad', 'Nothing is stopped, since most of the newest control generations came to nothing, or most of the newest stops were refused.'],
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

interface AlarmItem {
  readonly alarm: Alarm
  /** The context, if it is not the one that the page is about. */
  readonly key?: string
  readonly since?: string | null
}

/** @param total alarms, of which some may not be listed */
export function AlarmCard ({ alarms, total }: { alarms: readonly AlarmItem[], total: number }) {
  return (
    <Card title={`Alarms (${count(total)})`}>
      <ul class='alarms'>
        {alarms.map(({ key, alarm, since = null }) => {
          const [kind, meaning] = MEANINGS[alarm]
          return (
            <li key={`${key} ${alarm}`} class={kind}>
              <span class='sign' aria-hidden='true'>{kind === 'bad' ? '▲' : '△'}</span>
              <div>
                <b>{words(alarm)}</b>{key !== undefined && <> in <a href={routeTo('context', key)}><KeyText name={key} /></a></>}{' '}
                {since !== null && <span class='muted'>{ago(since, Date.now())}</span>}<br />
                <span class='muted'>{meaning}</span>
              </div>
            </li>
          )
        })}
        {total > alarms.length && <li>and {count(total - alarms.length)} more</li>}
      </ul>
    </Card>
  )
}

/** Suspicions, and problems with the reports of workers. The banner and the tiles of the page say why a threshold was withdrawn. */
export function ContextAlarms ({ context, tradeoff }: { context: ContextDetail, tradeoff: TradeoffReply | null }) {
  const { threshold, fidelity: { breach }, warnings } = context
  const suspicions: Alarm[] = []
  if (threshold !== null && tradeoff?.forecast.heading === 'stricter') suspicions.push('drift_suspected')
  if (threshold !== null && breach === 'suspected') suspicions.push('breach_suspected')
  const alarms = [...suspicions, ...warnings].map((alarm) => ({ alarm }))
  return alarms.length === 0 ? null : <AlarmCard alarms={alarms} total={alarms.length} />
}
