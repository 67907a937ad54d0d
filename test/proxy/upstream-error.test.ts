import t from 'tap'
import { UpstreamError } from '../../src/proxy/upstream-error.js'

t.equal(new UpstreamError('x').name, 'UpstreamError')
