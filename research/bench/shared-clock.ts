const NS_PER_US = 1000n

/** Time by a clock that all processes of a machine share, us. */
export const sharedUs = (): number => Number(process.hrtime.bigint() / NS_PER_US)
