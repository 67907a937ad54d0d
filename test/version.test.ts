import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openapiDocument } from '../src/cli/openapi.js'
import { VERSION } from '../src/version.js'
import { build } from './helper.js'

t.test('the document and the metrics state the version of the package', async (t) => {
  t.equal(VERSION, JSON.parse(await readFile('package.json', 'utf8')).version)
  t.equal(JSON.parse(await openapiDocument()).info.version, VERSION)
  const { send } = await build(t)
  t.match((await send('GET', '/metrics')).body, `stopgate_build_info{version="${VERSION}",node="${process.version}"} 1\n`)
})
