const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g

/** Parses JSON, also as Python writes it: `NaN` and `Infinity`, which JSON lacks, are read as `null`. @throws SyntaxError */
export function parseJson (text: string): unknown {
  try { return JSON.parse(text) } catch {
    return JSON.parse(text.replace(STRING_OR_NUMBER, (found) => found.startsWith('"') ? found : 'null'))
  }
}

/** The value of a JSON text; `undefined` if it is not valid. */
export function jsonOf (text: string): unknown {
  try { return parseJson(text) } catch { return undefined }
}
