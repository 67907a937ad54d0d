import t from 'tap'
import { fitText } from '../../../src/proxy/generation/fit-text.js'

t.equal(fitText('short', 128), 'short')
t.ok(Buffer.byteLength(fitText('€'.repeat(1000), 128)) <= 128)
t.not(fitText('x'.repeat(200) + 'a', 128), fitText('x'.repeat(200) + 'b', 128), 'only equals stay equal')
t.equal(fitText('a\ud800', 128), 'a\ufffd')
