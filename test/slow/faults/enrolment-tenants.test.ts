import t from 'tap'
import { MAX_OPEN_ENROLMENTS } from '../../../src/core/evidence/cohort.js'
import { temporaryFolder, until } from '../../helper.js'
import { bearer, tokenList } from '../../token-fixtures.js'
import { burst, certified, contextAt, isExact, startQuick, workersOf } from './enrolled-workers.js'

const BATCH = 1000
/** More than a context has room for. */
const FLOOD = 17 * BATCH

t.test('a tenant whose context is full of open enrolments does not delay another tenant', async (t) => {
  const ACCESS_TOKENS = tokenList({ flood: 'worker model=a', other: 'worker model=b', operator: 'operator' })
  const service = startQuick(t, { DATA_DIR: await temporaryFolder(t), ACCESS_TOKENS })
  await service.url()
  const headers = bearer('operator')
  const before = workersOf({ task: 'before', model: 'b', askAt: () => [service], headers: bearer('other') })
  await burst(before)
  await certified(t, [service], before[0])

  const flood = { key: 'model=a,task=flood' }
  const followedUp = async () => (await contextAt(service, flood, headers)).counts
  t.match(await service.put('/v1/contexts/model=a/policy', { follow_up_seconds: 60 }, headers), { status: 200 })
  for (let i = 0; i < FLOOD; i += BATCH) {
    const steps = Array.from({ length: BATCH }, (_, j) => ({ generation_id: `flood-${i + j}`, context: { model: 'a', task: 'flood' }, tokens: 16, confidence: 0.05 }))
    t.match(await service.post('/v1/decisions/batch', { steps }, bearer('flood')), { status: 200 })
    await until('the batch is enrolled', async () => {
      const { enrolled, void: voided } = await followedUp()
      return (enrolled ?? 0) + (voided ?? 0) >= i + BATCH
    })
  }
  const during = workersOf({ task: 'during', model: 'b', askAt: () => [service], headers: bearer('other') })
  await burst(during)
  await certified(t, [service], during[0])
  for (const one of [...before, ...during]) await isExact(t, [service], one, { headers })

  const { enrolled, void: voided, accounted, missing } = await followedUp()
  t.comment(`${enrolled} generations of the flood are enrolled and ${voided} are void`)
  t.equal(enrolled, MAX_OPEN_ENROLMENTS)
  t.equal(enrolled + voided, FLOOD)
  t.equal(accounted + missing, 0)
})
