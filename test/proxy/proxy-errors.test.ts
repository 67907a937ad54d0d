import t from 'tap'
import { errorBody } from '../../src/proxy/proxy-errors.js'

t.match(JSON.parse(errorBody('too much', 'code')), { error: { message: 'stopgate proxy: too much', code: 'code' } })
