import t from 'tap'
import { readSettings } from '../../../src/service/config/settings.js'

t.test('settings have defaults and are converted to their types', async (t) => {
  t.match(readSettings({ PORT: '0', ALLOW_ANONYMOUS: 'true', PATH: '/bin' }), { HOST: '127.0.0.1', PORT: 0, ALLOW_ANONYMOUS: true, REDIS_URL: '' })
})

t.test('a switch may be 1 or 0', async (t) => {
  t.match(readSettings({ PAUSE_STOPPING: '1', ALLOW_ANONYMOUS: '0', PORT: '1' }), { PAUSE_STOPPING: true, ALLOW_ANONYMOUS: false, PORT: 1 })
})

t.test('an invalid setting is refused with its name and the accepted values', async (t) => {
  const bad: [NodeJS.ProcessEnv, RegExp][] = [
    [{ PORT: 'eighty' }, /^PORT \("eighty"\) must be integer: .*default 8080/],
    [{ PORT: '70000' }, /^PORT .*<= 65535/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL/],
    [{ CONTEXT_LEVELS: 'model,,task' }, /^CONTEXT_LEVELS/],
    [{ CONTEXT_LEVELS: 'x'.repeat(33) }, /^CONTEXT_LEVELS/],
    [{ LEASE_SECONDS: '0' }, /^LEASE_SECONDS/],
    [{ POLL_SECONDS: '0.005' }, /^POLL_SECONDS .*>= 0.01/],
    [{ ALLOW_ANONYMOUS: 'yes' }, /^ALLOW_ANONYMOUS \("yes"\) must be boolean/],
  ]
  for (const [env, message] of bad) t.throws(() => readSettings(env), { name: 'ConfigError', message })
})
