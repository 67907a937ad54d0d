import regexp from 'eslint-plugin-regexp'
import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

const clockAndWorld = ['process', 'Date', 'setTimeout', 'setInterval', 'setImmediate', 'console', 'performance', 'fetch', 'crypto']

const eventsNotTime = 'no test depends on how fast the machine is: wait for an event with until() of test/helper.ts, or move the time with driveClock() of test/clock.ts'

/** They poll, watch or measure the tests, or test the driven clock. */
const ownClock = ['clock', 'clock.test', 'helper', 'run-together', 'watch-for-silence'].map((name) => `test/${name}.ts`)

/** They may sleep: the proxy delays what two processes say to each other, as a slow network does. */
const sleepers = ['test/faults/proxy.ts']

const timersOfNode = ['node:timers', 'timers', 'node:timers/promises', 'timers/promises']
  .map((name) => ({ name, importNames: ['setTimeout', 'setInterval', 'scheduler'], message: eventsNotTime }))

// Which folder may import which is written in ARCHITECTURE.md and enforced by test/imports.test.ts.
export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  { rules: { camelcase: 'off', '@stylistic/max-len': ['error', { code: 140, ignoreUrls: true, ignoreTemplateLiterals: true, ignoreStrings: true }] } },
  // The compiler reports all of these, and they took a seventh of the time of the rules.
  {
    files: ['**/*.ts', '**/*.tsx'],
    rules: {
      '@typescript-eslint/no-unused-vars': 'off',
      '@typescript-eslint/no-redeclare': 'off',
      '@typescript-eslint/no-use-before-define': 'off',
    },
  },
  {
    // Texts of models and clients may be long: an expression whose time grows faster than a text would stall all requests.
    files: ['src/**', 'routes/**', 'openapi/**'],
    ignores: ['src/cli/**', 'src/page/**'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
    },
  },
  {
    files: ['test/**/*.ts'],
    ignores: [...ownClock, 'test/slow/**'],
    rules: {
      'no-restricted-imports': ['error', {
        paths: timersOfNode,
        patterns: [{ regex: '/clock\\.js$', importNames: ['sleep', 'elapsed'], message: eventsNotTime }],
      }],
      'no-restricted-globals': ['error', ...['setTimeout', 'setInterval'].map((name) => ({ name, message: eventsNotTime }))],
      'no-restricted-properties': ['error',
        { object: 'performance', property: 'now', message: eventsNotTime },
        ...['globalThis', 'global'].flatMap((object) => ['setTimeout', 'setInterval'].map((property) => ({ object, property, message: eventsNotTime }))),
      ],
    },
  },
  { files: sleepers, rules: { 'no-restricted-imports': ['error', { paths: timersOfNode }] } },
  {
    files: ['src/core/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: '^(?!\\.)', message: 'src/core is pure: it imports no packages' }] }],
      'no-restricted-globals': ['error', ...clockAndWorld.map((name) => ({ name, message: 'src/core is pure: values in, values out' }))],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'src/core is pure: pass the draw in' }],
    },
  },
]
