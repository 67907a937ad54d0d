import t from 'tap'
import { temporaryFolder } from '../../test/helper.js'
import { startProcess } from '../../test/service-process.js'
import { lacksTransformers, playTransformers, type Progress } from './play-transformers.js'

const POLICY = JSON.stringify({ check_every_tokens: 16, follow_up_seconds: 60, evidence_span_seconds: 0 })
const GENERATIONS = Number(process.env.GENERATIONS ?? 100)
const skip = await lacksTransformers() ?? false

t.test('a real model is asked about, probed and stopped, and each generation is reported', { skip }, async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY: POLICY })
  const url = await service.url()
  // A threshold that the operator sets lets stops be seen before the evidence for one is in.
  await service.put('/v1/contexts/model=reasoner,task=follow/pin', { threshold: 0.95, reason: 'test' })
  await service.put('/v1/contexts/model=reasoner,task=follow/policy', { control_rate: 0.1 })
  const { tasks, client } = await playTransformers({ url, generations: GENERATIONS, batch: 50, timeoutSeconds: 60 })
  const all = Object.values(tasks)
  t.equal(all.reduce((sum, { generations }) => sum + generations, 0), GENERATIONS)
  t.match(client, { reported: GENERATIONS, rejected: 0, dropped: 0 })
  t.ok(client.failures <= 1, 'the service may refuse a call while the model holds both cores')
  for (const [task, figures] of Object.entries(tasks)) {
    const { control, generations, tokens, full_tokens: full, right, full_right: fullRight, probes, probe_tokens: spent } = figures
    t.ok(probes > generations && spent >= probes, `${task} is probed by one token or more at each check`)
    if (task === 'follow') continue
    t.equal(control, generations, `nothing is certified yet in ${task}`)
    t.equal(tokens, full, 'and greedy generations that are probed are those that are not')
    t.equal(right, fullRight)
  }
  t.ok(tasks.follow!.stopped > 0, 'a pinned threshold stops some')
  t.ok(tasks.follow!.tokens < tasks.follow!.full_tokens)
  const { body } = await service.get('/v1/contexts?prefix=model%3Dreasoner')
  const shown = body.contexts.find(({ key }: { key: string }) => key === 'model=reasoner')
  const spent = all.reduce((sum, { probe_tokens: tokens }) => sum + tokens, 0)
  const { probes } = shown.tokens
  t.ok(probes >= spent && probes <= spent + GENERATIONS, 'the service knows what the probes cost, those at the end of the reasoning, too')
})

t.test('killing the service costs no generation', { skip }, async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY: POLICY })
  const url = await service.url()
  const batches: Progress[] = []
  const { tasks, client } = await playTransformers({
    url, generations: 30, batch: 10, kill: service.child.pid!, onProgress (progress) { batches.push(progress) },
  })
  t.ok(client.failures >= 2, 'the service was gone')
  t.equal(client.failures, batches[1]!.failures, 'and in the next batch nobody asked')
  for (const [task, { tokens, full_tokens: full, right, full_right: fullRight }] of Object.entries(tasks)) {
    t.equal(tokens, full, `without a reply the generations of ${task} go on to their end`)
    t.equal(right, fullRight)
  }
  t.equal(client.probe_tokens, batches[1]!.probe_tokens, 'those that begin when it is away are not probed')
  t.comment(`ms of each check, killed before the third: ${batches[1]!.stood_still_ms.map((ms) => ms.toFixed(1)).join(', ')}`)
})
