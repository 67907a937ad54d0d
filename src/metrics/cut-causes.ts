/** Why the service closed a connection. */
export const CUT_CAUSES = ['pipelined', 'unread', 'timeout', 'headers', 'malformed'] as const

export type CutCause = typeof CUT_CAUSES[number]
