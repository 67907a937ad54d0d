import { pino } from 'pino'
import t from 'tap'
import { build, until } from '../../helper.js'
import { startRedis, withoutRedis } from '../../redis-server.js'

t.test('replicas that are configured differently all say so, in the log and in /readyz', { skip: withoutRedis }, async (t) => {
  const { url } = await startRedis(t)
  const replica = async (env: NodeJS.ProcessEnv) => {
    const lines: string[] = []
    const built = await build(t, { REDIS_URL: url, POLL_SECONDS: '0.05', ...env }, pino({ level: 'warn' }, { write (line) { lines.push(line) } }))
    const warnings = async () => (await built.send('GET', '/readyz')).body.warnings.filter((text: string) => text.includes('CONTEXT_LEVELS'))
    return { lines, warnings, close: () => built.app.close() }
  }
  const first = await replica({ DEFAULT_POLICY: '{"follow_up_seconds":60,"min_tokens":8}' })
  const same = await replica({ DEFAULT_POLICY: '{"min_tokens":8,"follow_up_seconds":60}' })
  t.same([...await first.warnings(), ...await same.warnings()], [])
  await replica({ DEFAULT_POLICY: '{"min_tokens":8,"follow_up_seconds":60}', CONTEXT_LEVELS: 'model' })
  const other = await replica({ DEFAULT_POLICY: '{"min_tokens":9,"follow_up_seconds":60}' })
  for (const one of [first, same, other]) {
    const [warning] = await until('it warns', async () => { const warnings = await one.warnings(); return warnings[0]?.match(/CONTEXT_LEVELS":"/g)?.length === 3 && warnings })
    t.match(warning, /^Replicas differ in CONTEXT_LEVELS or DEFAULT_POLICY/)
    await until('it is in the log', () => one.lines.some((line) => line.includes('replicas differ in CONTEXT_LEVELS')))
  }
})
