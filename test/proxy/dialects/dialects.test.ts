import t from 'tap'
import { DIALECTS } from '../../../src/proxy/dialects/dialects.js'
import type { DialectParts } from '../../../src/proxy/dialects/dialect.js'

for (const [name, create] of Object.entries(DIALECTS)) t.equal(create({ style: { suffix: '' } } as DialectParts).name, name)
