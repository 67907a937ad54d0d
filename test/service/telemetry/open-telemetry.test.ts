import { readFileSync } from 'node:fs'
import * as bundled from '#open-telemetry'
import t from 'tap'
import * as packages from '../../../src/service/telemetry/open-telemetry.js'

t.test('the bundle has what the packages have, and holds the line of Node that the service runs on', async (t) => {
  t.same(Object.keys(bundled).sort(), Object.keys(packages).sort())
  t.ok(readFileSync('dist/vendor/open-telemetry.js').length < 1024 * 1024, 'it stays small')
})
