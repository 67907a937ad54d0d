import t from 'tap'
import { completeDraft, isNumber, listNames, refuseSharedFlags, timeField } from '../../../src/cli/import-run/checkpoint-draft.js'

const draft = { suite: 's', em: 0.5 }

t.test('flags fill in values missing from a file and overrule nothing', async (t) => {
  const hints = { step: 1, n: 10, tokensMean: 5, context: { model: 'q' } }
  t.same(completeDraft({ place: 'f', draft }, hints), { suite: 's', em: 0.5, step: 1, n: 10, tokens_mean: 5, context: { model: 'q' } })
  t.match(completeDraft({ place: 'f', draft: { ...draft, step: 7, n: 8, tokens_mean: 9, context: { model: 'p' } } }, hints), { step: 7, n: 8, tokens_mean: 9, context: { model: 'p' } })
  t.throws(() => completeDraft({ place: 'f:3', draft }, { step: 1, n: 1 }), { message: 'f:3: tokens_mean missing for s: add --tokens-metric, --tokenizer or --tokens-mean' })
  t.throws(() => completeDraft({ place: 'f', draft }, {}), { message: 'f: step, n, tokens_mean missing for s: add --step, --n, --tokens-metric, --tokenizer or --tokens-mean' })
  t.throws(() => completeDraft({ place: 'f', draft: { ...draft, suite: undefined } as object }, hints), /f: suite missing: add --suite/)
  t.throws(() => completeDraft({ place: 'f:2', draft: null }, {}), { name: 'FileError', message: 'f:2: not JSON' })
  t.ok(isNumber(0) && !isNumber(NaN) && !isNumber('1'))
})

t.test('EM is read as percent only with --percent', async (t) => {
  const whole = { ...draft, em: 68.4, em_stderr: 1.2, em_estimate_low: 66, step: 1, n: 1, tokens_mean: 1 }
  t.throws(() => completeDraft({ place: 'f', draft: whole }, {}), { name: 'FileError', message: /68.4 is not a fraction.*--percent/ })
  t.match(completeDraft({ place: 'f', draft: whole }, { isPercent: true }), { em: 0.6840000000000001, em_stderr: 0.012, em_estimate_low: 0.66 })
})

t.test('a flag that holds for one checkpoint is refused where a suite has several', async (t) => {
  const found = [{ place: 'f', draft }, { place: 'g', draft: { suite: 'other' } }, { place: 'h', draft: { ...draft, tokens_mean: 5, step: 3 } }, { place: 'i', draft: null }]
  refuseSharedFlags(found, { tokensMean: 300, step: 1 })
  refuseSharedFlags([...found, { place: 'j', draft }], {})
  t.throws(() => refuseSharedFlags([...found, { place: 'j', draft: { ...draft, step: 4 } }], { tokensMean: 300 }), { name: 'FileError', message: '--tokens-mean holds for one checkpoint, but s has several without tokens_mean: f, j; import them one by one' })
  t.throws(() => refuseSharedFlags([...found, { place: 'j', draft }], { step: 300 }), /^--step holds for one checkpoint.* without step: f, j/)
})

t.test('many names are cut short', async (t) => {
  t.equal(listNames(['a', 'b']), 'a, b')
  t.match(listNames(Array.from({ length: 23 }, (_, i) => `t${i}`)), /t18, t19 and 3 more$/)
})

t.test('seconds become an ISO time if they are in range', async (t) => {
  t.same(timeField(1769860800.5), { at: '2026-01-31T12:00:00.500Z' })
  t.same(timeField(253402300799), { at: '9999-12-31T23:59:59.000Z' })
  for (const seconds of [253402300800, 1769860800500, 1e300, -1, NaN, Infinity]) t.same(timeField(seconds), {}, String(seconds))
})
