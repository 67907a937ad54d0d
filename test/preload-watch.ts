import { isMainThread } from 'node:worker_threads'

// Preloaded as .taprc says, also in threads and in the Node.js processes that tests fork: only a test file itself is watched.
if (isMainThread && process.argv[1]?.endsWith('.test.js')) await import('./watch-for-silence.js')
