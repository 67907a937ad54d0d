declare module 'process-on-spawn' {
  interface Spawned { env: NodeJS.ProcessEnv }
  const processOnSpawn: { addListener: (listener: (child: Spawned) => void) => void }
  export default processOnSpawn
}
