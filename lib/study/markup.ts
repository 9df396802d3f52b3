// Text in SVG and HTML: escaping, estimated widths, line breaks, raised exponents. Imports nothing.

/** Text for an element or an attribute in double quotes; characters that XML forbids, lone surrogates among them, are dropped. */
export const escapeMarkup = (text: string): string =>
  text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')

/** The widest that `text` is likely to be in a sans-serif face of `size` pixels; there is no browser to ask. */
export const widthOf = (text: string, size: number): number => {
  let ems = 0
  for (const c of text)
    ems += /[\p{Lu}\p{So}mw@%]/u.test(c)
      ? 0.78
      : /[ilj.,;:'|!()[\] ]/.test(c)
        ? 0.34
        : c > '\u2e7f'
          ? 1
          : 0.61
  return ems * size
}

/** Cuts `text` to at most `width` pixels, with an ellipsis where something is left out. */
export const fitText = (text: string, width: number, size: number): string => {
  if (widthOf(text, size) <= width) return text
  let kept = ''
  for (const c of text) {
    if (widthOf(`${kept}${c}…`, size) > width) break
    kept += c
  }
  return `${kept}…`
}

/** Breaks `text` at blanks into lines of at most `width` pixels; a word too long for a line is cut. */
export const wrapText = (text: string, width: number, size: number): string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter((w) => w !== '')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (widthOf(longer, size) <= width) line = longer
    else {
      if (line !== '') lines.push(line)
      line = fitText(word, width, size)
    }
  }
  if (line !== '') lines.push(line)
  return lines
}

/** The labels "10^-3" of an SVG text with the exponent raised, and a real minus sign. */
export const raiseExponents = (svg: string): string =>
  svg.replace(/10\^(-?)(\d+)/g, (_, minus: string, digits: string) => {
    const exponent = `${minus === '' ? '' : '−'}${digits}`
    return `10<tspan dy="-0.4em" font-size="0.75em">${exponent}</tspan>`
  })
