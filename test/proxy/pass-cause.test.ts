import t from 'tap'
import { PASS_CAUSES } from '../../src/proxy/pass-cause.js'

t.equal(new Set(PASS_CAUSES).size, PASS_CAUSES.length, 'no cause is listed twice')
