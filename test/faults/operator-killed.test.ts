import t from 'tap'
import { temporaryFolder, until } from '../helper.js'
import { startProcess } from '../service-process.js'

t.test('a service that is killed right after it acknowledged a command has the command and its author after a restart', async (t) => {
  const env = { DATA_DIR: await temporaryFolder(t) }
  const first = startProcess(t, env)
  for (const model of ['a', 'b', 'c']) {
    const key = encodeURIComponent(`model=${model}`)
    t.equal((await first.put(`/v1/contexts/${key}/policy?reason=incident%2042`, { mode: 'off' })).status, 200)
  }
  first.child.kill('SIGKILL')
  await first.exited

  const second = startProcess(t, env)
  t.match((await second.get('/v1/audit')).body.commands, ['c', 'b', 'a'].map((model) => (
    { by: 'anonymous', type: 'policy', key: `model=${model}`, policy: { mode: 'off' }, reason: 'incident 42' })))
  t.match((await second.post('/v1/decisions', { tokens: 1, confidence: 1, context: { model: 'b' } })).body, { reason: 'off' })
  const changes = await until('the learner has them', async () => { const { changes } = (await second.get('/v1/history')).body; return changes.length === 3 && changes })
  t.match(changes[0], { key: 'model=c', cause: 'policy', by: 'anonymous', reason: 'incident 42' })
})
