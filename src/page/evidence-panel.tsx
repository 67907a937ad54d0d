import { useMemo } from 'preact/hooks'
import type { AlignedData, Options } from 'uplot'
import type { ContextDetail, TradeoffReply } from './api.js'
import { axis, colour, legendValue, timeAxis, timeOf, ChartFigure } from './chart.js'
import { clockTime, count, decimals, duration, percent, points, threshold } from './format.js'
import { Card } from './parts.js'
import { usePhone } from './phone.js'
import { LOGIT_SCALE, thresholdAxis } from './threshold-scale.js'

type Row = ContextDetail['thresholds'][number]

function needed (row: Row): string {
  if (row.certified) return '✓ certified'
  if (row.generations_needed === 0) return 'when open ones end'
  return row.generations_needed === null ? 'not in sight' : `${count(row.generations_needed)} more`
}

const COLUMNS = [
  { head: 'Threshold', cell: (row: Row) => threshold(row.threshold), isNumber: true },
  { head: 'Lost', cell: (row: Row) => count(row.lost), isNumber: true },
  { head: 'Kept', cell: (row: Row) => count(row.kept), isNumber: true },
  { head: 'Gained', cell: (row: Row) => count(row.gained), isNumber: true },
  { head: 'EM drop', cell: (row: Row) => points(row.em_drop), isNumber: true },
  { head: 'Tokens saved, net', cell: (row: Row) => percent(row.tokens_saved_ratio), isNumber: true },
  { head: 'Evidence, ln E', cell: (row: Row) => decimals(row.log_evidence), isNumber: true },
  { head: 'Needed', cell: needed, isNumber: true },
]

const TICKS = [0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999]

function byThreshold (): Omit<Options, 'width' | 'height'> {
  return {
    scales: {
      x: { time: false, dir: -1, ...LOGIT_SCALE },
      y: { range: (_chart, low, high) => [Math.min(0, low) - 0.5, Math.max(1, high) * 1.1] },
    },
    axes: [thresholdAxis('Threshold, safest on the left', TICKS), axis('Evidence, ln E', (value) => decimals(value, Number.isInteger(value) ? 0 : 1), { size: 54 })],
    series: [
      { label: 'Threshold', value: legendValue((value) => `at ${threshold(value)}`) },
      { label: 'Evidence, accounted for', stroke: colour('accent'), fill: colour('band'), width: 2, points: { show: true, size: 5 }, value: legendValue(decimals) },
      { label: 'Needed', stroke: colour('good'), width: 2, dash: [8, 4], points: { show: false }, value: legendValue(decimals) },
    ],
  }
}

function overTime (): Omit<Options, 'width' | 'height'> {
  return {
    axes: [timeAxis(), axis('Control generations', (value) => count(value), { size: 60 })],
    series: [
      { label: 'Time', value: legendValue(timeOf) },
      { label: 'Control generations', stroke: colour('accent'), width: 2, fill: colour('band'), value: legendValue(count) },
      { label: 'Next certificate', stroke: colour('good'), width: 2, dash: [8, 4], points: { show: false }, value: legendValue(count) },
    ],
  }
}

const GROWTH = [
  { head: 'Time', cell: (sample: Sample) => clockTime(new Date(sample.at).toISOString()) },
  { head: 'Control generations', cell: (sample: Sample) => count(sample.generations), isNumber: true },
  { head: 'Next certificate at', cell: (sample: Sample) => count(sample.target), isNumber: true },
]

/** The evidence for each threshold, and its growth while the page is open. */
export function EvidencePanel ({ context, tradeoff }: { context: ContextDetail, tradeoff: TradeoffReply | null }) {
  const { thresholds, generations: { control: generations }, evidence: { bar: line, next_certificate_in: more } } = context
  const { fidelity: { held_until: heldUntil }, follow_up: { open }, labels: { asked_from: asked } } = context
  const data = useMemo(() => {
    const rows = [...thresholds].sort((a, b) => a.threshold - b.threshold)
    return [rows.map((row) => row.threshold), rows.map((row) => Math.max(-line, row.log_evidence)), rows.map(() => line)] as AlignedData
  }, [thresholds, line])
  const samples = useGrowth(context.key, generations, more)
  const growth = useMemo(() => [
    samples.map(({ at }) => at / 1000), samples.map((sample) => sample.generations), samples.map((sample) => sample.target),
  ] as AlignedData, [samples])
  const isPhone = usePhone()
  const areAll = thresholds.length > 0 && thresholds.every(({ certified }) => certified)
  const next = tradeoff?.forecast.next_certificate
  return (
    <Card title='Evidence toward the next certificate' note='A threshold is certified when its evidence, and that of every safer one, reaches the dashed line. Evidence below the chart is cut off.'>
      {more !== null && (
        <p class='progress'>
          <progress max={generations + more} value={generations} aria-label='Evidence toward the next certificate' />{' '}
          {count(generations)} control generations,{' '}
          {more === 0 ? 'enough for the next certificate once fewer are open' : `${count(more)} more to the next certificate`}
          {heldUntil !== null
            ? `, which is not in force before ${clockTime(heldUntil)}`
            : more !== 0 && next?.seconds != null && `, in about ${duration(next.seconds)}`}
        </p>
      )}
      {more === null && (
        <p class='note'>
          {count(generations)} control generations.{' '}
          {areAll ? 'Every threshold is certified.' : 'No further certificate is in sight at the rates observed.'}
        </p>
      )}
      <ChartFigure label='Evidence by threshold' data={data} options={byThreshold} columns={COLUMNS} rows={thresholds} empty='No evidence yet.' />
      {open > 0 && (
        <p class='note'>
          Only generations that are accounted for are shown. <b>{count(open)}</b> more {open === 1 ? 'is' : 'are'} open:{' '}
          in the test they count as lost until their outcome and label arrive.
        </p>
      )}
      {asked !== null && (
        <p class='note'>
          {asked === 1 ? 'No labels are asked for' : <>Labels are asked for down to threshold <b>{threshold(asked)}</b></>}.{' '}
          {asked === 1 ? 'All' : 'Looser'} thresholds lose too much to be certified: there, answers that differ count as lost.
        </p>
      )}
      {samples.length > 1 && (
        <details open={!isPhone}>
          <summary>Since you opened this page</summary>
          <ChartFigure label='Control generations since the page was opened' data={growth} options={overTime} height={160} columns={GROWTH} rows={samples} empty='' />
        </details>
      )}
    </Card>
  )
}

/** Evidence of a context at a time, ms. `target`: the generations at which the next certificate is expected; `null`: none is. */
interface Sample { readonly at: number, readonly generations: number, readonly target: number | null }

/** Samples kept of a context. When there are more, every other one of the older half is dropped. */
const MAX_SAMPLES = 240
const seen = new Map<string, readonly Sample[]>()

/** The evidence of a context since the page was loaded, this sample included. */
function useGrowth (key: string, generations: number, more: number | null): readonly Sample[] {
  return useMemo(() => {
    const before = seen.get(key) ?? []
    const last = before.at(-1)
    if (last?.generations === generations && last.target === (more === null ? null : generations + more)) return before
    const kept = before.length < MAX_SAMPLES ? before : before.filter((_, i) => i > MAX_SAMPLES / 2 || i % 2 === 0)
    const samples = [...kept, { at: Date.now(), generations, target: more === null ? null : generations + more }]
    seen.set(key, samples)
    return samples
  }, [key, generations, more])
}
