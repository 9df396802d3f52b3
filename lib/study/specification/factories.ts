// What the names in a specification stand for.
export { domainOf, innerToleranceOf, optimizerOf } from './descent.js'
export { strategyOf } from './strategies.js'
