import t from 'tap'
import { numberWithin, parseFlags, refuseArguments, wholeNumber, readServiceFlags } from '../../../src/cli/command-line/flags.js'

t.match(parseFlags(['a', '--n', '3', 'b'], { n: { type: 'string' } }), { values: { n: '3' }, positionals: ['a', 'b'] })
t.throws(() => parseFlags(['--m'], { n: { type: 'string' } }), { name: 'UsageError', message: /--m/ })
t.throws(() => parseFlags(['--n'], { n: { type: 'string' } }), { name: 'UsageError', message: /--n/ })

t.doesNotThrow(() => refuseArguments('serve', []))
t.throws(() => refuseArguments('serve', ['now']), { name: 'UsageError', message: /serve takes no arguments, not "now"/ })
t.throws(() => refuseArguments('serve', ['--now']), { name: 'UsageError', message: /--now/ })

t.equal(wholeNumber('--n', '32', 1, 32), 32)
for (const text of ['0', '33', '1.5', '-1', '', '1e1', 'x', 'NaN']) {
  t.throws(() => wholeNumber('--n', text, 1, 32), { name: 'UsageError', message: `--n must be a whole number from 1 to 32, not ${JSON.stringify(text)}` })
}
t.equal(numberWithin('--x', '0.025', 0, 0.5), 0.025)
for (const text of ['-0.1', '0.6', '', ' ', 'x', 'NaN']) t.throws(() => numberWithin('--x', text, 0, 0.5), { name: 'UsageError', message: /^--x must be a number from 0 to 0.5/ })

t.test('the token comes from the flag, otherwise from the environment', async (t) => {
  t.same(readServiceFlags({ url: 'http://h:1' }, {}), { url: 'http://h:1', token: undefined })
  t.match(readServiceFlags({ url: 'https://h' }, { STOPGATE_TOKEN: 'e' }), { token: 'e' })
  t.match(readServiceFlags({ url: 'https://h', token: 't' }, { STOPGATE_TOKEN: 'e' }), { token: 't' })
  t.throws(() => readServiceFlags({ url: 'h:1' }, {}), { name: 'UsageError', message: /--url must be/ })
  t.throws(() => readServiceFlags({ url: 'http://h', token: 'a secret' }, {}), { name: 'UsageError', message: /^(?!.*secret).*without spaces/ })
})
