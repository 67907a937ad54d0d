import type { Window } from 'happy-dom'

type Settings = NonNullable<NonNullable<ConstructorParameters<typeof Window>[0]>['settings']>
type Canvas = NonNullable<Settings['canvasAdapter']>

/** A line or a shape, in the colour in which it was drawn. */
interface Shape {
  readonly colour: string
  readonly dash: readonly number[]
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

/** The content of a canvas. */
export interface Drawing { readonly texts: string[], readonly shapes: Shape[] }

/** Keeps the points of its path. uPlot draws with these alone. */
export class Path2D {
  readonly points: Array<[x: number, y: number]> = []
  moveTo (x: number, y: number): void { this.points.push([x, y]) }
  lineTo (x: number, y: number): void { this.points.push([x, y]) }
  arc (x: number, y: number): void { this.points.push([x, y]) }
  rect (): void {}
  closePath (): void {}
  addPath (path: Path2D): void { this.points.push(...path.points) }
}

function createContext (canvas: object) {
  const drawing: Drawing = { texts: [], shapes: [] }
  let dash: readonly number[] = []
  const own: Record<string, unknown> = {
    canvas,
    drawing,
    clearRect () { drawing.texts.length = drawing.shapes.length = 0 },
    fillText (text: string) { drawing.texts.push(text.replaceAll('\u00a0', ' ')) },
    measureText: (text: string) => ({ width: 6 * text.length }),
    setLineDash (next: readonly number[]) { dash = next },
    stroke (path?: Path2D) {
      if (path !== undefined) drawing.shapes.push({ colour: String(own.strokeStyle), dash, points: path.points })
    },
  }
  return new Proxy(own, { get: (_own, name: string) => own[name] ?? (() => {}) })
}

const contexts = new WeakMap<object, object>()

/** Records drawings, since happy-dom has no canvas. */
export const canvasAdapter: Canvas = {
  getContext ({ canvas }) {
    if (!contexts.has(canvas)) contexts.set(canvas, createContext(canvas))
    return contexts.get(canvas) as ReturnType<Canvas['getContext']>
  },
  toDataURL: () => '',
  toBlob () {},
}
