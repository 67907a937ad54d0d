import type { ContextDetail, TradeoffReply } from './api.js'
import { Actions } from './actions.js'
import { ArmsPanel, FollowUpPanel, MembersPanel, PredictorsPanel, ProbeFormPanel } from './context-panels.js'
import { ContextsTable } from './contexts-table.js'
import { Age, DropBar, Badge, Loading, Tile } from './parts.js'
import { EvidencePanel } from './evidence-panel.js'
import { ago, clockTime, count, counted, percent, points, short, spread, threshold, words } from './format.js'
import { useData } from './live.js'
import { MovesPanel } from './moves-panel.js'
import { UnknownContext } from './next-step.js'
import { routeTo } from './route.js'
import { TradeoffPanel } from './tradeoff-panel.js'

/** The context and those above it, as links. */
function Path ({ name }: { name: string }) {
  const parts = name === '*' ? [] : name.split(',')
  return (
    <nav aria-label='Contexts above' class='path'>
      <a href={routeTo('fleet')}>Fleet</a> › <a href={routeTo('context', '*')}>all contexts</a>
      {parts.map((part, i) => (
        <span key={part}> › {i === parts.length - 1 ? part : <a href={routeTo('context', parts.slice(0, i + 1).join(','))}>{part}</a>}</span>
      ))}
    </nav>
  )
}

/** The root's key is a sign that says nothing to most readers. */
const titleOf = (name: string): string => name === '*' ? 'All contexts (*)' : name

/** The guarantee of the threshold in force, in words. */
function promise ({ mode, status, scope, pool, guarantee, evidence, pin, threshold, breach }: ContextDetail): string {
  if (mode !== 'enforce' && threshold !== null) return `Not applied, since the mode is ${mode}`
  if (pin !== null) return 'By a pin, without a guarantee'
  if (pool !== null && pool.left_at !== null && threshold === null) return 'It has left its pool, since its own generations lose more EM than the pool allows'
  if (guarantee === null && threshold !== null) return 'By the pin of its pool, without a guarantee'
  if (breach.held_until !== null) return `After a breach, none is in force before ${clockTime(breach.held_until)}`
  const first = pool?.first_generations
  if (first != null && status === 'certified') return `New in its pool: ${first.seen} of its first ${first.of} generations have run in full, and nothing is stopped before`
  if (guarantee === null) return status === 'drifted' ? 'The threshold was withdrawn, since stopping seemed to lose more than you allow, and none has been certified since' : 'None is certified yet'
  const bound = `At most ${points(guarantee.max_em_drop, 1)} lost, error level ${percent(guarantee.error_level, 1)}`
  const about = guarantee.about === 'exact match' ? '' : ` (${guarantee.about}${guarantee.as_judged ? ', as judged' : ''})`
  const moving = guarantee.since_step === null ? '' : `, for the policy as it moves since step ${count(guarantee.since_step)}`
  return `${bound}${about}${moving}${guarantee.post_hoc ? ', post hoc' : ''}${scope === 'pool' ? ', over the pool as a whole' : ''}${served(guarantee)}${gathered(evidence)}`
}

/** The traffic that the guarantee is about, in words. */
function gathered (evidence: ContextDetail['evidence']): string {
  if (evidence === null) return ''
  const { since, until, units } = evidence
  return `; for traffic like the ${counted(Math.round(units), 'generation')} from ${clockTime(since)} to ${clockTime(until)}`
}

type Unlikely = NonNullable<ContextDetail['unlikely']>

/** Why nothing is likely to be certified, and what would change it. */
const UNLIKELY: Readonly<Record<Unlikely, string>> = {
  accuracy: 'The thresholds that save tokens seem to lose more EM than you allow. Allow a larger max_em_drop, or find a better confidence.',
  probe_cost: 'Probes cost as much as stops save, or more. Use shorter probes, or ask less often.',
  too_few: 'Learning would cost more than it would have saved on the traffic so far. Certify the context with others as a pool, or let it run.',
}

/** The bound on what is served, in words. Each of its two parts may fail at the error level. */
function served ({ total_em_drop_bound: total, error_level: level }: NonNullable<ContextDetail['guarantee']>): string {
  return total === null ? '' : `; from full run to served answer at most ${points(total, 1)}, error level ${percent(Math.min(1, 2 * level), 1)}`
}

/** Everything about one context. */
export function ContextPage ({ name }: { name: string }) {
  const path = `v1/contexts/${encodeURIComponent(name)}`
  const { data: context, error, staleSince, reload } = useData<ContextDetail>(path)
  const { data: tradeoff } = useData<TradeoffReply>(`${path}/tradeoff`)
  if (context === null) {
    const isUnknown = error?.code === 'CONTEXT_NOT_FOUND'
    return <><Path name={name} /><h1>{titleOf(name)}</h1>{isUnknown ? <UnknownContext name={name} /> : <Loading error={error} />}</>
  }
  const { pin, pinned_at: pinnedAt, breach } = context
  const isSum = context.diagnosis?.reason === 'sums_only'
  return (
    <>
      <Path name={name} />
      <h1 class='key'>{titleOf(name)}</h1>
      <Age since={staleSince} />
      <p class='badges'>
        {(!isSum || pinnedAt !== null) && <Badge kind={pinnedAt === null ? context.status : 'pinned'} />}<Badge kind={context.mode} />
        {context.warnings.map((warning) => <Badge key={warning} kind='warn'>{words(warning)}</Badge>)}
        <span class='muted'>epoch {context.epoch} · last outcome {ago(context.updated_at, Date.now())}</span>
      </p>
      <Actions context={context} onDone={reload} />
      {pin !== null && (
        <p class='banner info'>
          <span aria-hidden='true'>◆</span> Pinned to {threshold(pin.threshold)} by {pin.by} ({pin.reason}),{' '}
          {pin.expires_at === null ? 'until it is removed' : `until ${clockTime(pin.expires_at)}`}. A pinned threshold has no guarantee.
        </p>
      )}
      {pinnedAt !== null && pinnedAt !== name && (
        <p class='banner info'>
          <span aria-hidden='true'>◆</span> Pinned by its pool, <a href={routeTo('context', pinnedAt)}>{pinnedAt}</a>. A pinned threshold has no guarantee.
        </p>
      )}
      {breach.held_until !== null && context.threshold === null && (
        <p class='banner info'>
          <span aria-hidden='true'>△</span> Stops served other answers than were probed and lost more EM than you allow, so no certified{' '}
          threshold is in force until {clockTime(breach.held_until)}. Most likely workers answer from another prefix than was probed.{' '}
          Repair them, then reset the context to try at once.
        </p>
      )}
      {context.diagnosis !== null && context.unlikely === null && context.diagnosis.reason !== 'breach_held' && (
        isSum
          ? <p class='note'>Sums over the contexts below, where generations run and thresholds are learned.</p>
          : <p class='banner info'><span aria-hidden='true'>△</span> Nothing is stopped here. {context.diagnosis.text}</p>
      )}
      {context.unlikely !== null && (
        <p class='banner info'>
          <span aria-hidden='true'>△</span> Nothing is likely to be certified ({words(context.unlikely)}). {UNLIKELY[context.unlikely]}{' '}
          Meanwhile only {percent(context.control_share, 0)} of the generations are probed.
        </p>
      )}
      <LabelAdvice context={context} />
      {isSum
        ? <><SumTiles context={context} /><ContextsTable prefix={name} /></>
        : <><Tiles context={context} /><Panels name={name} context={context} tradeoff={tradeoff} /></>}
    </>
  )
}

/** How to get labels, where none has come. */
function LabelAdvice ({ context: { label_advice: advice, policy } }: { context: ContextDetail }) {
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

/** What the contexts below have saved. Thresholds and evidence are theirs. */
function SumTiles ({ context }: { context: ContextDetail }) {
  return (
    <div class='tiles'>
      <Tile title='Tokens saved, net' value={short(context.tokens_saved)}>
        {spread(context)}{short(context.probe_tokens)} tokens spent on probes, at present {percent(context.probe_overhead)} of all
      </Tile>
      <Tile title='Treated generations' value={count(context.treated_generations)}>Control generations are evidence of the contexts below</Tile>
    </div>
  )
}

function Tiles ({ context }: { context: ContextDetail }) {
  const { policy } = context
  return (
    <div class='tiles'>
      <Tile title='Threshold in force' value={threshold(context.threshold)}>
        {promise(context)}
      </Tile>
      <Tile title='EM drop' value={points(context.em_drop)}>
        {context.em_drop === null
          ? `${points(policy.max_em_drop, 1)} allowed`
          : (
            <DropBar drop={context.em_drop} low={context.em_drop_low} high={context.em_drop_high} bound={policy.max_em_drop}>
              {points(policy.max_em_drop, 1)} allowed, true drop {points(context.em_drop_low)} to {points(context.em_drop_high)}
            </DropBar>
            )}
      </Tile>
      <Tile title='Tokens saved, net' value={short(context.tokens_saved)}>
        {context.tokens_saved === null && (context.treated_generations === 0 ? 'Nothing has been stopped in this epoch. ' : 'Not known yet: too few control generations since stops began. ')}{spread(context)}
        {context.tokens_saved_ratio !== null && `${percent(context.tokens_saved_ratio)} of a generation at this threshold; `}
        {short(context.probe_tokens)} tokens spent on probes, at present {percent(context.probe_overhead)} of all
      </Tile>
      <Tile title='Generations' value={count(context.control_generations + context.treated_generations)}>
        {count(context.control_generations)} control, {count(context.treated_generations)} treated;{' '}
        control share {percent(context.control_share, 0)};{' '}
        checks are at least {count(context.check_every_tokens)} tokens apart
      </Tile>
    </div>
  )
}

/** Charts and tables of a context that gathers evidence, or is one of a pool. */
function Panels ({ name, context, tradeoff }: { name: string, context: ContextDetail, tradeoff: TradeoffReply | null }) {
  return (
    <>
      <div class='columns'>
        <div>
          {tradeoff !== null && <TradeoffPanel tradeoff={tradeoff} context={context} />}
          <MembersPanel context={context} />
          <ArmsPanel context={context} />
          <ProbeFormPanel context={context} />
          <FollowUpPanel context={context} />
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
