import { pino } from 'pino'
import t from 'tap'
import { assemble } from '../../src/app/assemble.js'
import { readConfig } from '../../src/service/config/config.js'
import { build, temporaryFolder } from '../helper.js'

t.test('closing the app releases the data folder', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const config = readConfig({ DATA_DIR })
  const { app } = await assemble(config, pino({ level: 'silent' }))
  await t.rejects(assemble(config, pino({ level: 'silent' })), { message: new RegExp(DATA_DIR) })
  await app.close()
  await build(t, { DATA_DIR })
})
