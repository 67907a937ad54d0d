import t from 'tap'
import { CONTEXT, KEY, losslessOutcome } from '../certify.js'
import { build, until, type Built } from '../helper.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`
/** Slices end, and evidence is looked at, within two seconds. */
const FOLLOWED_UP = { DEFAULT_POLICY: '{"follow_up_seconds":16}' }

/** An outcome whose probed answer was wrong: only a label can tell whether stopping there would have lost anything. */
const bare = (id: string) => ({
  ...losslessOutcome(id), em: undefined, steps: [{ tokens: 32, confidence: 0.95, em: 0 }, { tokens: 64, confidence: 0.99, em: 0 }],
})

async function untilContext ({ send }: Built, expected: Record<string, number>): Promise<any> {
  return until(`the context has ${JSON.stringify(expected)}`, async () => {
    const { body } = await send('GET', url)
    return Object.entries(expected).every(([field, value]) => (body[field] ?? body.follow_up?.[field]) === value) && body
  })
}

/** Reports an outcome of a generation that was enrolled at its first step. */
async function reportEnrolled ({ send }: Built, outcome: { generation_id: string }): Promise<{ body: any }> {
  await send('POST', '/v1/decisions', { generation_id: outcome.generation_id, tokens: 32, confidence: 0.95, context: CONTEXT })
  return await send('POST', '/v1/outcomes', outcome)
}

t.test('a label can come after its outcome', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  const { send } = built
  t.match(await reportEnrolled(built, bare('g/1 %')), { body: { label_wanted: true } })
  await untilContext(built, { labels_wanted: 1, labels_given: 0 })
  t.same((await send('GET', `${url}/wanted-labels`)).body, { generation_ids: ['g/1 %'], next: null })
  const path = `/v1/outcomes/${encodeURIComponent('g/1 %')}/label`
  t.match(await send('POST', path, { em: 1 }), { status: 202, body: { accepted: 1, duplicates: 0 } })
  t.match(await untilContext(built, { labels_given: 1, control_generations: 1 }), { em_full: 1, follow_up: { labels_wanted: 1 } })
  t.same((await send('GET', `${url}/wanted-labels`)).body, { generation_ids: [], next: null })
  t.match(await send('POST', path, { em: 0 }), { status: 202, body: { accepted: 0, duplicates: 1 } }, 'the first stands')
  t.match((await send('GET', '/metrics')).body, 'stopgate_labels_total{result="accepted"} 1\n')
})

t.test('a later reference grades answer and probes, whose text is not stored', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  const { send, store } = built
  const steps = [{ tokens: 32, confidence: 0.95, answer: 'Rome' }]
  await reportEnrolled(built, { generation_id: 'g', arm: 'control', context: CONTEXT, tokens: 64, answer: 'Paris', steps } as { generation_id: string })
  await untilContext(built, { labels_wanted: 1 })
  t.notMatch(JSON.stringify(await store.learned()), /Rome|Paris/)
  await send('POST', '/v1/outcomes/g/label', { reference: 'paris' })
  const { thresholds } = await untilContext(built, { control_generations: 1 })
  t.match(thresholds.at(-1), { lost: 1, kept: 0, unprobed: 0 })
})

t.test('a label for an unknown outcome is refused', async (t) => {
  const { send } = await build(t)
  const unknown = { code: 'OUTCOME_NOT_FOUND', message: /send the outcome before its label/ }
  t.match(await send('POST', '/v1/outcomes/nobody/label', { em: 1 }), { status: 404, body: unknown })
  t.match((await send('GET', '/metrics')).body, 'stopgate_labels_total{result="unknown"} 1\n')
})

t.test('a reference for an outcome without an answer is refused and does not block a later label', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  const { send } = built
  await reportEnrolled(built, bare('g'))
  t.match(await send('POST', '/v1/outcomes/g/label', { reference: '42' }), { status: 400, body: { code: 'INVALID_LABEL', message: /no answer that the reference could grade/ } })
  t.match(await send('POST', '/v1/outcomes/g/label', { reference: '42', answer: '41' }), { status: 202, body: { accepted: 1 } })
  t.match(await untilContext(built, { control_generations: 1 }), { em_full: 0 })
})

t.test('an outcome with a label needs no other', async (t) => {
  const built = await build(t)
  await built.send('POST', '/v1/outcomes', losslessOutcome('g'))
  t.match(await built.send('POST', '/v1/outcomes/g/label', { em: 0 }), { status: 202, body: { accepted: 0, duplicates: 1 } })
  t.match(await untilContext(built, { control_generations: 1 }), { em_full: 1 })
})

t.test('an invalid label is refused with what to change', async (t) => {
  const { send } = await build(t)
  const bad = [[{}, /send em/], [{ em: 2 }, /em/], [{ steps: [1] }, /send em/], [{ right: true }, /not a known field/]] as const
  for (const [body, message] of bad) {
    t.match(await send('POST', '/v1/outcomes/g/label', body), { status: 400, body: { message } })
  }
  t.match(await send('POST', `/v1/outcomes/${'x'.repeat(129)}/label`, { em: 1 }), { status: 400 })
})

t.test('waiting labels survive a restart', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  await reportEnrolled(built, bare('g'))
  await untilContext(built, { labels_wanted: 1 })
  const { DATA_DIR } = { DATA_DIR: built.config.dataDir }
  await built.app.close()
  const again = await build(t, { ...FOLLOWED_UP, DATA_DIR })
  t.match(await again.send('POST', '/v1/outcomes/g/label', { em: 0 }), { status: 202, body: { accepted: 1 } })
  t.match(await untilContext(again, { control_generations: 1 }), { em_full: 0, follow_up: { labels_given: 1 } })
})
