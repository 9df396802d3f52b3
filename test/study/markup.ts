// A strict reader of the markup that figures and reports are made of: whatever is not well-formed throws.

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly Node[]
}
export type Node = Element | string

const VOID = new Set(['meta', 'br', 'link', 'img'])
const RAW = new Set(['style', 'script'])
const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
  '&quot;': '"',
  '&nbsp;': '\u00a0',
}

const decode = (text: string): string => {
  if (text.includes('<') || /&(?!(?:lt|gt|amp|quot|nbsp);)/.test(text))
    throw new Error(`unescaped text: ${text.slice(0, 80)}`)
  return text.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity)
}

const readAttributes = (text: string): Record<string, string> => {
  const found: Record<string, string> = {}
  const rest = text.replace(/\s+([a-zA-Z][\w-]*)="([^"]*)"/g, (_, name: string, value: string) => {
    if (name in found) throw new Error(`attribute ${name} twice`)
    found[name] = decode(value)
    return ''
  })
  if (rest.trim() !== '') throw new Error(`malformed attributes: ${text}`)
  return found
}

/** The one element that `markup` consists of, after an optional doctype. */
export const parseMarkup = (markup: string): Element => {
  const top: Node[] = []
  const open: { name: string; attributes: Record<string, string>; children: Node[] }[] = []
  let rest = markup.replace(/^<!doctype html>\n/, '').trim()
  while (rest !== '') {
    const inside = open.at(-1)
    const siblings = inside?.children ?? top
    if (inside !== undefined && RAW.has(inside.name)) {
      const end = rest.indexOf(`</${inside.name}`)
      if (end > 0) siblings.push(rest.slice(0, end))
      rest = rest.slice(end)
    }
    const tag = /^<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][\w-]*="[^"]*")*)\s*(\/?)>/.exec(rest)
    if (tag === null) {
      const end = rest.indexOf('<', 1)
      const text = decode(rest.slice(0, end < 0 ? undefined : end))
      if (inside === undefined) throw new Error(`text outside: ${text.slice(0, 80)}`)
      siblings.push(text)
      rest = end < 0 ? '' : rest.slice(end)
      continue
    }
    const [all, closing, name = '', attributes = '', empty] = tag
    rest = rest.slice(all.length)
    if (closing === '/') {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`)
      continue
    }
    const element = { name, attributes: readAttributes(attributes), children: [] }
    siblings.push(element)
    if (empty !== '/' && !VOID.has(name)) open.push(element)
  }
  const [root] = top
  if (open.length > 0 || top.length !== 1 || root === undefined || typeof root === 'string')
    throw new Error('not one element')
  return root
}

/** All elements called `name`, in document order. */
export const findAll = (root: Element, name: string): readonly Element[] =>
  root.children.flatMap((child) => {
    if (typeof child === 'string') return []
    return [...(child.name === name ? [child] : []), ...findAll(child, name)]
  })

/** The text in an element and all below it. */
export const textIn = (node: Node): string =>
  typeof node === 'string' ? node : node.children.map(textIn).join('')
