import t from 'tap'
import { MOST_DRAWS } from '../../../src/core/enrolment/enrolment-list.js'

t.test('rule 2: an entry holds at most 256 draws', async (t) => t.equal(MOST_DRAWS, 256))
