/** Why a client's connection was cut off. */
export const CUT_CAUSES = ['pipelined', 'unread', 'timeout', 'headers', 'malformed'] as const

export type CutCause = typeof CUT_CAUSES[number]
