import { spreadOf, type Figure } from './figure.js'
import type { LearnerAnswer, LearnerOrder } from './learner-worker.js'
import type { Load } from './load.js'
import { end, SERVER_CORE, startRedis, startScript, temporaryFolder } from './processes.js'

/** Learns outcomes of ten steps in a thousand contexts from a full log. */
export async function learnerFigures ({ outcomes, rounds }: Load): Promise<Figure[]> {
  const redis = await startRedis(true)
  const figures: Figure[] = []
  for (const [name, redisUrl] of [['embedded', ''], ['Redis, fsync always', redis.url]] as const) {
    const script = await startScript<LearnerOrder, LearnerAnswer>('learner-worker', SERVER_CORE)
    const order = { redisUrl, dataDir: await temporaryFolder(), outcomes, rounds: Math.min(3, rounds) }
    const { perSecond, microseconds } = await script.ask(order)
    await end(script.child)
    figures.push({ name: `learner, ${name}`, unit: 'outcomes/s', value: spreadOf(perSecond) })
    figures.push({ name: `learner, ${name}, processor time an outcome`, unit: 'us', value: spreadOf(microseconds) })
  }
  await end(redis.child)
  return figures
}
