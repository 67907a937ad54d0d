import { readFileSync } from 'node:fs'
import * as bundled from '#open-telemetry'
import t from 'tap'
import * as packages from '../../../src/service/telemetry/open-telemetry.js'

t.test('the bundle exports the same names as the packages, and stays small', async (t) => {
  t.same(Object.keys(bundled).sort(), Object.keys(packages).sort())
  t.ok(readFileSync('dist/vendor/open-telemetry.js').length < 1024 * 1024, 'it stays small')
})
