/** A place in the log, `<ms>-<sequence>`. Places are ordered; `0-0` is before the first entry. */
export type Cursor = string
