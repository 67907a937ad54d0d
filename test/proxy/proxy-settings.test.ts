import t from 'tap'
import { flagOf, ProxySettingsSchema, readProxySettings } from '../../src/proxy/proxy-settings.js'

t.test('addresses lose the suffix that routes add, and line feeds can be written', async (t) => {
  const settings = readProxySettings({ PROXY_UPSTREAM: 'http://h:1/v1/', PROXY_SERVICE: 'http://s/', PROXY_BEFORE_CLOSE: '\\n\\n' })
  t.match(settings, { PROXY_UPSTREAM: 'http://h:1', PROXY_SERVICE: 'http://s', PROXY_BEFORE_CLOSE: '\n\n', PROXY_PORT: 8081, PROXY_DIALECT: 'auto' })
})

t.test('a wrong setting is named', async (t) => {
  t.throws(() => readProxySettings({}), /PROXY_UPSTREAM/)
  t.throws(() => readProxySettings({ PROXY_UPSTREAM: 'ftp://x' }), /PROXY_UPSTREAM/)
  t.throws(() => readProxySettings({ PROXY_UPSTREAM: 'http://x', PROXY_DIALECT: 'y' }), /PROXY_DIALECT.*vllm/)
  t.throws(() => readProxySettings({ PROXY_UPSTREAM: 'http://x', PROXY_CONTEXTS: 'gsm8k' }), /PROXY_CONTEXTS.*task=gsm8k/)
})

t.test('each setting has a flag of its own', async (t) => {
  t.equal(flagOf('PROXY_MAX_REQUESTS'), 'max-requests')
  t.equal(flagOf('STOPGATE_TOKEN'), 'token')
  const names = Object.keys(ProxySettingsSchema.properties)
  t.equal(new Set(names.map(flagOf)).size, names.length)
})
