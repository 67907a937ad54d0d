import { ContextAlarms } from './alarms.js'
import type { ContextDetail, FleetPageReply, PolicyReply, TradeoffReply } from './api.js'
import { Actions } from './actions.js'
import { ArmsPanel, FollowUpPanel, MembersPanel, type PanelProps, PredictorsPanel, ProbeFormPanel } from './context-panels.js'
import { ContextsTable } from './contexts-table.js'
import { Age, DropBar, Badge, KeyText, Loading, Tile } from './parts.js'
import { EvidencePanel } from './evidence-panel.js'
import { ago, clockTime, count, counted, percent, points, short, spread, threshold } from './format.js'
import { useData } from './live.js'
import { MovesPanel } from './moves-panel.js'
import { UnknownContext } from './next-step.js'
import { isPattern, PatternPage, PolicyPanel } from './policy-panel.js'
import { routeTo } from './route.js'
import { TradeoffPanel } from './tradeoff-panel.js'

/** The context and those above it, as links. */
function Path ({ name }: { name: string }) {
  const parts = name === '*' ? [] : name.split(',')
  return (
    <nav aria-label='Contexts above' class='path'>
      <a href={routeTo('fleet')}>Fleet</a> › <a href={routeTo('context', '*')}>all contexts</a>
      {parts.map((part, i) => (
        <span key={part}> › {i === parts.length - 1 || part.endsWith('=*') ? part : <a href={routeTo('context', parts.slice(0, i + 1).join(','))}>{part}</a>}</span>
      ))}
    </nav>
  )
}

/** The root's key is a sign that says nothing to most readers. */
const titleOf = (name: string): string => name === '*' ? 'All contexts (*)' : name

/** The guarantee of the threshold in force, in words. */
function promise (context: ContextDetail): string {
  const { key, mode, status, pool, members, guarantee, pin, threshold, sight, fidelity: { held_until: heldUntil } } = context
  if (mode !== 'enforce' && threshold !== null) return `Not applied, since the mode is ${mode}`
  if (pin !== null) return pin.at === key ? 'By a pin, without a guarantee' : 'By the pin of its pool, without a guarantee'
  if (pool !== null && pool.left_at !== null && threshold === null) return 'It has left its pool, since its own generations lose more EM than the pool allows'
  if (heldUntil !== null) return `After a breach, none is in force before ${clockTime(heldUntil)}`
  const left = pool?.first_generations_left
  if (left != null && status === 'certified') return `New in its pool: ${left} of its first generations are left to run in full, and nothing is stopped before`
  if (status === 'suspended') return `Suspended, since its guards cannot see: ${sight.units_lost} of the newest 128 control generations came to nothing, and ${sight.stops_refused} of the newest 128 stops were refused`
  if (guarantee === null) return status === 'drifted' ? 'The threshold was withdrawn, since stopping seemed to lose more than you allow, and none has been certified since' : 'None is certified yet'
  const bound = `At most ${points(guarantee.max_em_drop, 1)} lost, error level ${percent(guarantee.error_level, 1)}`
  const about = guarantee.about === 'exact match' ? '' : ` (${guarantee.about}${guarantee.as_judged ? ', as judged' : ''})`
  const moving = guarantee.since_step === null ? '' : `, for the policy as it moves since step ${count(guarantee.since_step)}`
  return `${bound}${about}${moving}${guarantee.post_hoc ? ', post hoc' : ''}${pool === null && members === null ? '' : ', over the pool as a whole'}${served(guarantee)}${gathered(guarantee)}`
}

type Guarantee = NonNullable<ContextDetail['guarantee']>

/** The traffic that the guarantee is about, in words. */
function gathered ({ since, until, units }: Guarantee): string {
  return `; for traffic like the ${counted(units, 'generation')} from ${clockTime(since)} to ${clockTime(until)}`
}

type Fault = NonNullable<ContextDetail['labels']['grader_fault']>

/** Why the grader is taken for broken. */
const FAULTS: Readonly<Record<Fault, string>> = {
  equal_answers_graded_unlike: 'It grades equal answers differently.',
  answers_all_the_same: 'All final answers are one text, so the extractor may find the same in all.',
  differing_answers_graded_alike: 'No answer that differs from the final one has another grade.',
}

/** The bound on the loss of served answers, in words. Each of its two parts may fail at the error level. */
function served ({ total_em_drop_bound: total, error_level: level }: Guarantee): string {
  return total === null ? '' : `; from full run to served answer at most ${points(total, 1)}, error level ${percent(Math.min(1, 2 * level), 1)}`
}

/** Everything about one context, or the policy of a pattern. */
export function ContextPage ({ name }: { name: string }) {
  return isPattern(name) ? <PatternView name={name} /> : <KnownContext name={name} />
}

function PatternView ({ name }: { name: string }) {
  const { data: policy, error, reload } = useData<PolicyReply>(`v1/contexts/${encodeURIComponent(name)}/policy`)
  return (
    <>
      <Path name={name} />
      <h1 class='key'>{name}</h1>
      {policy === null ? <Loading error={error} /> : <PatternPage policy={policy} onChange={reload} />}
    </>
  )
}

function KnownContext ({ name }: { name: string }) {
  const path = `v1/contexts/${encodeURIComponent(name)}`
  const { data: context, error, staleSince, reload } = useData<ContextDetail>(path)
  const { data: policy, error: policyError, reload: reloadPolicy } = useData<PolicyReply>(`${path}/policy`)
  const { data: tradeoff } = useData<TradeoffReply>(`${path}/tradeoff`)
  if (context === null) {
    return (
      <>
        <Path name={name} />
        <h1><KeyText name={titleOf(name)} /></h1>
        {error?.code === 'CONTEXT_NOT_FOUND' ? <UnknownContext name={name} policy={policy} onChange={reloadPolicy} /> : <Loading error={error} />}
      </>
    )
  }
  const { pin, diagnosis, fidelity: { held_until: heldUntil }, labels: { grader_fault: fault } } = context
  const isSum = context.diagnosis?.reason === 'sums_only'
  return (
    <>
      <Path name={name} />
      <h1 class='key'><KeyText name={titleOf(name)} /></h1>
      <Age since={staleSince} />
      {staleSince !== null && <DecidedNow name={name} />}
      <p class='badges'>
        {(!isSum || pin !== null) && <Badge kind={pin === null ? context.status : 'pinned'} />}<Badge kind={context.mode} />
        <span class='muted'>epoch {context.epoch} · last outcome {ago(context.updated_at, Date.now())}</span>
      </p>
      <Actions context={context} onDone={() => { reload(); reloadPolicy() }} />
      {pin !== null && (
        <p class='banner info'>
          <span aria-hidden='true'>◆</span> Pinned to {threshold(context.threshold)}{' '}
          {pin.at !== context.key && <>at its pool, <a href={routeTo('context', pin.at)}>{pin.at}</a>, </>}by {pin.by} ({pin.reason}),{' '}
          {pin.expires_at === null ? 'until it is removed' : `until ${clockTime(pin.expires_at)}`}. A pinned threshold has no guarantee.
        </p>
      )}
      {heldUntil !== null && context.threshold === null && (
        <p class='banner info'>
          <span aria-hidden='true'>△</span> Stops served other answers than were probed and lost more EM than you allow, so no certified{' '}
          threshold is in force until {clockTime(heldUntil)}. Most likely workers answer from another prefix than was probed.{' '}
          Repair them, then reset the context to try at once.
        </p>
      )}
      {diagnosis !== null && diagnosis.reason !== 'breach_held' && (
        isSum
          ? <p class='note'>Sums over the contexts below, where generations run and thresholds are learned.</p>
          : (
            <p class={`banner info ${diagnosis.reason === 'collecting' ? 'calm' : ''}`}>
              <span aria-hidden='true'>{diagnosis.reason === 'collecting' ? '◐' : '△'}</span> Nothing is stopped here. {diagnosis.text}
              {context.status === 'unlikely' && <> No threshold is likely to be certified; meanwhile only {percent(context.generations.control_share, 0)} of the generations are probed.</>}
            </p>
            )
      )}
      {fault !== null && <p class='banner info'><span aria-hidden='true'>△</span> The grader is taken for broken. {FAULTS[fault]}</p>}
      <ContextAlarms context={context} tradeoff={tradeoff} />
      {isSum && <><SumTiles context={context} /><ContextsTable prefix={name} /></>}
      {policy === null && <Loading error={policyError} />}
      {!isSum && policy !== null && <Figures context={context} policy={policy.effective} tradeoff={tradeoff} />}
      {policy !== null && <PolicyPanel policy={policy} />}
    </>
  )
}

/** While the context cannot be read: how this replica decides in it now. */
function DecidedNow ({ name }: { name: string }) {
  const { data } = useData<FleetPageReply>(`v1/fleet/contexts?sums=true&limit=1&prefix=${encodeURIComponent(name)}`)
  const row = data?.contexts.find(({ key }) => key === name)
  if (row === undefined) return null
  const isStopping = row.threshold !== null && row.mode === 'enforce'
  return (
    <p class='banner info' role='status'>
      <span aria-hidden='true'>◆</span> Now: <Badge kind={row.mode} />{' '}
      {isStopping ? `Generations are stopped at ${threshold(row.threshold)}.` : 'No generation is stopped here.'}
    </p>
  )
}

/** The figures of a context that gathers evidence, or is one of a pool. */
function Figures ({ context, policy, tradeoff }: PanelProps & { tradeoff: TradeoffReply | null }) {
  return (
    <>
      <LabelAdvice context={context} policy={policy} />
      <Tiles context={context} policy={policy} />
      <Panels context={context} policy={policy} tradeoff={tradeoff} />
    </>
  )
}

/** How to get labels, where none has come. */
function LabelAdvice ({ context: { label_advice: advice }, policy }: PanelProps) {
  if (advice === null) return null
  const { command, judge_tokens_per_day: tokens } = advice
  return (
    <div class='banner info'>
      <span aria-hidden='true'>△</span> No label has come, so every early answer that differs counts as lost. The grader that fits these answers:
      <pre>{command}</pre>
      {tokens !== null && <>A judge would read about {short(tokens)} tokens a day{policy.store_prompts ? '' : ', and the prompts, which it needs and the policy does not store'}.</>}
    </div>
  )
}

/** The savings of the contexts below. Thresholds and evidence are theirs. */
function SumTiles ({ context: { tokens, generations } }: { context: ContextDetail }) {
  return (
    <div class='tiles'>
      <Tile title='Tokens saved, net' value={short(tokens.saved)}>
        {spread(tokens.interval)}{short(tokens.probes)} tokens spent on probes, at present {percent(tokens.probe_overhead)} of all
      </Tile>
      <Tile title='Treated generations' value={count(generations.treated)}>Control generations are evidence of the contexts below</Tile>
    </div>
  )
}

function Tiles ({ context, policy: { max_em_drop: bound } }: PanelProps) {
  const { em, tokens, generations } = context
  return (
    <div class='tiles'>
      <Tile title='Threshold in force' value={threshold(context.threshold)}>
        {promise(context)}
      </Tile>
      <Tile title='EM drop' value={points(em.drop)}>
        {em.drop === null || em.interval === null
          ? `${points(bound, 1)} allowed`
          : (
            <DropBar drop={em.drop} low={em.interval[0]} high={em.interval[1]} bound={bound}>
              {points(bound, 1)} allowed, true drop {points(em.interval[0])} to {points(em.interval[1])}{missing(context)}
            </DropBar>
            )}
      </Tile>
      <Tile title='Tokens saved, net' value={short(tokens.saved)}>
        {tokens.saved === null && (generations.treated === 0 ? 'Nothing has been stopped in this epoch. ' : 'Not known yet: too few control generations since stops began. ')}{spread(tokens.interval)}
        {tokens.saved_ratio !== null && `${percent(tokens.saved_ratio)} of a generation at this threshold; `}
        {short(tokens.probes)} tokens spent on probes, at present {percent(tokens.probe_overhead)} of all
      </Tile>
      <Tile title='Generations' value={count(generations.control + generations.treated)}>
        {count(generations.control)} control, {count(generations.treated)} treated;{' '}
        control share {percent(generations.control_share, 0)};{' '}
        checks are at least {count(generations.check_every_tokens)} tokens apart
      </Tile>
    </div>
  )
}

/** The generations that went missing, which the estimate is without, and what they would make of it. */
function missing ({ em: { drop_if_missing_lost: worst }, follow_up: { accounted, missing } }: ContextDetail): string {
  return missing === 0 ? '' : `. Missing: ${count(missing)} of ${count(accounted + missing)}; if all were lost, ${points(worst)}`
}

/** Charts and tables of a context. */
function Panels ({ context, policy, tradeoff }: PanelProps & { tradeoff: TradeoffReply | null }) {
  return (
    <>
      <div class='columns'>
        <div>
          {tradeoff !== null && <TradeoffPanel tradeoff={tradeoff} context={context} policy={policy} />}
          <MembersPanel context={context} policy={policy} />
          <ArmsPanel context={context} policy={policy} />
          <ProbeFormPanel context={context} />
          <FollowUpPanel context={context} policy={policy} />
          <PredictorsPanel context={context} />
        </div>
        <div>
          <EvidencePanel context={context} tradeoff={tradeoff} />
          <MovesPanel context={context} />
        </div>
      </div>
    </>
  )
}
