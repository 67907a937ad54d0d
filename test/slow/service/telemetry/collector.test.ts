import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { temporaryFolder } from '../../../helper.js'
import { startProcess } from '../../../service-process.js'

t.test('a collector that is away or never answers disturbs nothing', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => { silent.close() })
  for (const port of [9, (silent.address() as AddressInfo).port]) {
    const service = startProcess(t, {
      DATA_DIR: await temporaryFolder(t), OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_TRACES_SAMPLER: 'always_on',
    })
    t.equal((await service.post('/v1/decisions', { tokens: 32, confidence: 0.5 })).status, 200)
    service.child.kill('SIGTERM')
    t.match(await service.exited, { code: 0 })
  }
})
