/** One line of a plot: points of x and y, neither below 0. */
export interface Series {
  name: string
  points: (readonly [x: number, y: number])[]
}

const width = 640
const height = 360
const margin = { top: 44, right: 150, bottom: 48, left: 64 }
const colors = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d', '#4b5563']
const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Draws lines as an SVG document, over logarithmic axes or linear ones from 0; readable on light and dark pages. */
export function plot(what: {
  title: string
  x: string
  y: string
  series: Series[]
  axes?: 'logarithmic' | 'linear'
}): string {
  const points = what.series.flatMap((series) => series.points)
  const scaleOf = what.axes === 'linear' ? linearScale : logarithmicScale
  const x = scaleOf(
    points.map(([value]) => value),
    margin.left,
    width - margin.right,
  )
  const y = scaleOf(
    points.map(([, value]) => value),
    height - margin.bottom,
    margin.top,
  )
  const label = (value: number) => (value >= 1 ? value.toLocaleString('en') : String(value))
  const text = (at: [number, number], content: string, more = '') =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${escape(content)}</text>`
  const line = (x1: number, y1: number, x2: number, y2: number) =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#d1d5db"/>`
  const parts = [
    text([margin.left, 24], what.title, 'font-size="15" font-weight="600"'),
    ...x.ticks.flatMap((tick) => [
      line(x.place(tick), margin.top, x.place(tick), height - margin.bottom),
      text([x.place(tick), height - margin.bottom + 18], label(tick), 'text-anchor="middle"'),
    ]),
    ...y.ticks.flatMap((tick) => [
      line(margin.left, y.place(tick), width - margin.right, y.place(tick)),
      text([margin.left - 8, y.place(tick) + 4], label(tick), 'text-anchor="end"'),
    ]),
    text([(margin.left + width - margin.right) / 2, height - 8], what.x, 'text-anchor="middle"'),
    text([16, margin.top - 8], what.y),
    ...what.series.flatMap(({ name, points: own }, index) => {
      const color = colors[index % colors.length]!
      const places = own.map(([a, b]) => [x.place(a), y.place(b)] as const)
      return [
        `<polyline fill="none" stroke="${color}" stroke-width="2" points="${places.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(' ')}"/>`,
        ...places.map(([a, b]) => `<circle cx="${a.toFixed(1)}" cy="${b.toFixed(1)}" r="3" fill="${color}"/>`),
        `<rect x="${width - margin.right + 12}" y="${margin.top + index * 20}" width="12" height="3" fill="${color}"/>`,
        text([width - margin.right + 30, margin.top + index * 20 + 6], name),
      ]
    }),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2937">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`
}

interface Scale {
  place: (value: number) => number
  ticks: number[]
}

/** Has no place for 0 but at its beginning, which then is a step before the least of the others. */
function logarithmicScale(values: number[], from: number, to: number): Scale {
  const others = values.filter((value) => value > 0)
  const least = Math.floor(Math.log10(Math.min(...others)))
  const low = others.length < values.length ? least - 1 : least
  const high = Math.ceil(Math.log10(Math.max(...others)))
  const top = high === low ? low + 1 : high
  return {
    place: (value) => from + (value === 0 ? 0 : ((Math.log10(value) - low) / (top - low)) * (to - from)),
    ticks: Array.from({ length: top - low + 1 }, (_, index) => (low + index < least ? 0 : 10 ** (low + index))),
  }
}

function linearScale(values: number[], from: number, to: number): Scale {
  const most = Math.max(...values)
  const power = 10 ** Math.floor(Math.log10(most))
  const step = [0.2, 0.5, 1, 2].map((times) => times * power).find((each) => most / each <= 6)!
  const count = Math.ceil(most / step)
  return {
    place: (value) => from + (value / (count * step)) * (to - from),
    ticks: Array.from({ length: count + 1 }, (_, index) => index * step),
  }
}
