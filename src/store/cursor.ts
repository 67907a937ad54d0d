/** A place in the log: `<ms>-<sequence>`, ordered; `0-0` is before the first entry. */
export type Cursor = string
