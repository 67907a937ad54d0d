/** For pages that people open: no guessing of types, no frames, no referrer. */
export const PAGE_HEADERS = {
  'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin',
}
