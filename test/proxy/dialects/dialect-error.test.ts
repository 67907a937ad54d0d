import t from 'tap'
import { DialectError } from '../../../src/proxy/dialects/dialect-error.js'

t.equal(new DialectError('x').name, 'DialectError')
