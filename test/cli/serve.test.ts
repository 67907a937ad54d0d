import t from 'tap'
import { run, usage } from '../../src/cli/serve.js'
import { SettingsSchema } from '../../src/service/config/settings.js'
import { captureIo } from './command-line/captured-io.js'

for (const setting of Object.keys(SettingsSchema.properties)) t.match(usage, new RegExp(`^  ${setting} .*; default .+$`, 'm'), `${setting} is explained`)
t.rejects(run(['--port', '1'], captureIo()), { name: 'UsageError' }, 'nothing is started when the line is wrong')
