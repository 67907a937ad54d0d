import t from 'tap'
import { isLoopback } from '../../../src/http/host-check.js'
import { misplacedPolicyFields, readConfig } from '../../../src/service/config/config.js'

t.test('settings have defaults', async (t) => {
  t.match(readConfig({}), { host: '127.0.0.1', port: 8080, levels: ['model', 'task'], defaultPolicy: {}, redisUrl: '', dataDir: './data' })
  t.same(readConfig({ CONTEXT_LEVELS: '' }).levels, [], 'a single context')
})

t.test('settings that contradict each other are refused by name', async (t) => {
  const bad: [NodeJS.ProcessEnv, RegExp][] = [
    [{ REDIS_URL: 'http://secret@host' }, /^REDIS_URL (?!.*secret)/],
    [{ REDIS_URL: 'redis://secret/x@host' }, /^REDIS_URL has (?!.*secret).*percent-encode/],
    [{ REDIS_URL: 'redis+sentinel://:secret@host' }, /^REDIS_URL does not name the master(?!.*secret)/],
    [{ CONTEXT_LEVELS: 'model,model' }, /^CONTEXT_LEVELS names a level twice/],
    [{ CONTEXT_LEVELS: 'model,constructor' }, /^CONTEXT_LEVELS cannot contain the reserved name constructor/],
    [{ DEFAULT_POLICY: '{' }, /^DEFAULT_POLICY is not valid JSON/],
    [{ DEFAULT_POLICY: '{"max_em_drop":3}' }, /^DEFAULT_POLICY\/max_em_drop must be <= 0.5/],
    [{ DEFAULT_POLICY: '{"max_em_drop":0.2}' }, /^DEFAULT_POLICY\/max_em_drop must be at most 0.1, since 0.2 means that 20 points of EM may be lost/],
    [{ DEFAULT_POLICY: '{"max_drop":3}' }, /^DEFAULT_POLICY\/max_drop is not a known field/],
    [{ DEFAULT_POLICY: '{"certify_at":"tenant"}' }, /^DEFAULT_POLICY\/certify_at must be a context level/],
    [{ HOST: '0.0.0.0' }, /^HOST 0\.0\.0\.0 accepts other machines.*: set ACCESS_TOKENS .*, or HOST=127\.0\.0\.1, or ALLOW_ANONYMOUS=true/],
    [{ HOST: '::', ALLOW_ANONYMOUS: 'false' }, /^HOST :: accepts/],
    [{ TLS_KEY_FILE: 'secret' }, /^TLS_CERT_FILE and TLS_KEY_FILE must be set together/],
    [{ REDIS_URL: 'rediss://host', REDIS_CERT_FILE: 'secret' }, /^REDIS_CERT_FILE and REDIS_KEY_FILE must be set together/],
    [{ REDIS_URL: 'redis+cluster://host,host', REDIS_CA_FILE: 'secret' }, /^REDIS_CA_FILE requires TLS: start REDIS_URL with rediss/],
    [{ REDIS_URL: 'redis://host', REDIS_CA_FILE: 'secret' }, /^REDIS_CA_FILE requires TLS: start REDIS_URL with rediss/],
    [{ ACCESS_TOKENS: 'secret', ACCESS_TOKENS_FILE: 'secret' }, /^ACCESS_TOKENS and ACCESS_TOKENS_FILE cannot both be set(?!.*secret)/],
  ]
  for (const [env, message] of bad) t.throws(() => readConfig(env), { name: 'ConfigError', message })
})

t.test('an address other than loopback requires tokens or ALLOW_ANONYMOUS', async (t) => {
  for (const env of [{ ACCESS_TOKENS: '[]' }, { ACCESS_TOKENS_FILE: 'tokens.json' }, { ALLOW_ANONYMOUS: 'true' }]) {
    t.match(readConfig({ HOST: '0.0.0.0', ...env }), { host: '0.0.0.0' }, JSON.stringify(env))
  }
  for (const HOST of ['127.0.0.1', '127.0.0.53', '::1']) t.match(readConfig({ HOST }), { host: HOST })
  for (const HOST of ['localhost', 'LocalHost']) t.match(readConfig({ HOST }), { host: '127.0.0.1' })
})

t.test('environment variables named like policy fields are reported', async (t) => {
  t.same(misplacedPolicyFields({ FOLLOW_UP_SECONDS: '0', MAX_EM_DROP: '', MODE: 'dark', PORT: '1', DEFAULT_POLICY: '{}' }).sort(), ['FOLLOW_UP_SECONDS', 'MAX_EM_DROP'])
})

for (const host of ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'LocalHost']) t.ok(isLoopback(host), host)
for (const host of [
  '0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '126.255.255.255', '::2', '::ffff:10.0.0.1', 'localhost.example.com', '127.0.0.1.example.com', '127.1', '2130706433', 'stopgate', '',
]) t.notOk(isLoopback(host), host)
