import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { PAGE_SIZE } from '../../../src/store/embedded/data-folder.js'
import { losslessOutcome } from '../../certify.js'
import { temporaryFolder, until } from '../../helper.js'
import { mulberry32 } from '../../random.js'
import { startProcess } from '../../service-process.js'

const TRIALS = Number(process.env.TRIALS ?? 2)
const SHUTDOWN_SECONDS = 2

t.test('a service whose file is damaged ends when it is asked to, whatever its threads do', { timeout: TRIALS * 60_000 + 60_000 }, async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const first = startProcess(t, { DATA_DIR })
  for (let batch = 0; batch < 20; batch++) {
    const outcomes = Array.from({ length: 200 }, (_, i) => losslessOutcome(`g${batch}-${i}`, { model: `m${batch}`, task: `t${i % 20}` }))
    await first.post('/v1/outcomes/batch', { outcomes })
  }
  first.child.kill('SIGTERM')
  await first.exited
  const file = join(DATA_DIR, 'data.mdb')
  const intact = await readFile(file)
  const random = mulberry32(1)
  const ends = new Map<string, number>()
  for (let trial = 0; trial < TRIALS; trial++) {
    const damaged = Buffer.from(intact)
    for (let i = 0; i < 5; i++) { // not the first two pages, which are LMDB's own
      const page = 2 + Math.floor(random() * (damaged.length / PAGE_SIZE - 2))
      for (let byte = 0; byte < PAGE_SIZE; byte++) if (random() < 0.2) damaged[page * PAGE_SIZE + byte] = Math.floor(random() * 256)
    }
    await writeFile(file, damaged)
    const service = startProcess(t, { DATA_DIR, SHUTDOWN_SECONDS: String(SHUTDOWN_SECONDS) })
    let isOver = false
    service.exited.then(() => { isOver = true })
    await until('it serves or has ended', () => isOver || service.log.some(({ msg }) => msg === 'stopgate is listening'))
    if (!isOver) await service.post('/v1/outcomes', losslessOutcome(`x${trial}`)).catch(() => {}) // lets the learner run
    service.child.kill('SIGTERM')
    await until('it has ended', () => isOver)
    const { code, signal } = await service.exited
    const end = String(code ?? signal)
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  t.comment(`ends by exit code or signal: ${JSON.stringify([...ends])}`)
  t.equal([...ends.values()].reduce((sum, count) => sum + count, 0), TRIALS, 'every service has ended')
})
