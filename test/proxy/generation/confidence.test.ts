import t from 'tap'
import { meanProbability } from '../../../src/proxy/generation/confidence.js'

t.equal(meanProbability([Math.log(0.5), Math.log(0.125)])!.toFixed(6), '0.250000', 'the geometric mean')
t.equal(meanProbability([]), null)
t.equal(meanProbability([0, null]), null)
t.equal(meanProbability([-Infinity]), null)
