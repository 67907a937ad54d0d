import t from 'tap'
import { GRID } from '../../src/core/grid.js'

t.equal(GRID.length, 30)
