import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

const clockAndWorld = ['process', 'Date', 'setTimeout', 'setInterval', 'setImmediate', 'console', 'performance', 'fetch', 'crypto']

/** Allowed imports: core <- store <- service, learner <- routes, app <- server; openapi <- routes. */
const fence = (files, ...patterns) => ({ files, rules: { 'no-restricted-imports': ['error', { patterns }] } })

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  { rules: { camelcase: 'off', '@stylistic/max-len': ['error', { code: 140, ignoreUrls: true, ignoreTemplateLiterals: true, ignoreStrings: true }] } },
  {
    files: ['src/core/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: '^(?!\\./|murmurhash$)', message: 'src/core imports only ./ (and murmurhash)' }] }],
      'no-restricted-globals': ['error', ...clockAndWorld.map((name) => ({ name, message: 'src/core is pure: values in, values out' }))],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'src/core is pure: pass the draw in' }],
    },
  },
  fence(['src/core/*/**'], { regex: '^(?!\\./|\\.\\./[a-z-]+\\.js$)', message: 'a folder of src/core imports src/core only' }),
  fence(['src/store/**'], { regex: '^\\.\\./(?!core/)', message: 'src/store imports src/core and itself' }),
  fence(['openapi/**'], { regex: '^\\.\\./(?!src/(core/|error-codes\\.js)|\\.\\./src/core/)', message: 'openapi imports src/core and the error codes only' }),
  fence(['src/service.ts', 'src/learning/**'], { regex: '^\\.{1,2}/(app|server|cli|commands)|routes/', message: 'service and learner know neither app nor routes' }),
  fence(['routes/**'], { regex: 'src/(app|server|cli|commands|store/(redis|embedded|create))', message: 'routes call the service' }),
]
