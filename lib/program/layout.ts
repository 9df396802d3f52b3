// Stages of operations → the Layout that is encoded: instructions, places in memory, slots, and the list of values.
import type { Constant } from './constants.js'
import { coalesce } from './coalesce.js'
import type { Layout, Load, Port, Stage, Store } from './format.js'
import { mapInstruction } from './instruction.js'
import type { Instruction } from './instruction.js'
import { chooseLanes } from './lanes.js'
import type { Body } from './liveness.js'
import { place } from './memory.js'
import type { Placement } from './memory.js'
import { forEachUse, isLane } from './region.js'
import type { Operation, Region, Variable } from './region.js'
import { Selector } from './select.js'
import type { Selected } from './select.js'
import { Slots } from './slots.js'
import type { LaneStage, Staged } from './stages.js'
import { Values } from './values.js'

/** 64 bytes, in doubles: where arrays of a single lane begin. */
const alignment = 8

/** A lane stage before it has places: which variables come from slots or uniform variables, and which go to slots. */
interface Planned {
  readonly kind: LaneStage['kind']
  readonly body: Body
  readonly loads: readonly { readonly from: number | Variable; readonly to: Variable }[]
  readonly stores: readonly { readonly from: Variable; readonly slot: number }[]
}

/** Lays out a program; `lanes` 'auto' is decided here, where instructions and memory are known. */
export const layOut = (program: Region, staged: Staged, lanes: number | 'auto'): LaidOut => {
  const slots = new Slots(program)
  const uniform = uniformBody(program, staged)
  const stages = withPassedInputs(program, staged.lanes)
  const planned = stages.map((stage, i) => planStage(stage, stages.slice(i + 1), program, slots))
  const made = new Map<boolean, readonly Placed[]>()
  const plan: Plan = {
    ...{ program, slots, uniform, planned },
    uniformPlaces: place(uniform.body, false, alignment),
    placed: (alone) => {
      const known = made.get(alone) ?? planned.map((stage) => placeStage(stage, alone))
      made.set(alone, known)
      return known
    },
  }
  if (lanes !== 'auto') return assemble(plan, lanes)
  const draft = assemble(plan, draftLanes)
  const chosen = chooseLanes(draft.layout)
  return chosen === draftLanes ? draft : assemble(plan, chosen)
}

export interface LaidOut {
  readonly layout: Layout
  readonly constants: readonly Constant[]
}

/** Everything about a program that does not depend on the number of lanes. */
interface Plan {
  readonly program: Region
  readonly slots: Slots
  readonly uniform: UniformBody
  readonly planned: readonly Planned[]
  readonly uniformPlaces: Placement
  /** The instructions and places of each lane stage, for tiles of one lane or of more. */
  readonly placed: (alone: boolean) => readonly Placed[]
}

interface Placed {
  readonly code: readonly Selected[]
  readonly tile: Placement
}

const placeStage = ({ kind, body }: Planned, alone: boolean): Placed => {
  const coalesced = coalesce(body, alone, kind)
  return { code: coalesced.code, tile: place(coalesced, true, alone ? alignment : 1) }
}

/** The number of lanes of the layout by which the number of lanes is chosen. */
const draftLanes = 8

const assemble = ({ program, slots, uniform, planned, uniformPlaces, placed }: Plan, T: number): LaidOut => {
  const places = placed(T === 1)
  const values = new Values(uniformPlaces, T)
  const code = (list: readonly Selected[], tile: Placement): Instruction<number>[] =>
    list.map((instruction) => mapInstruction(instruction, (v) => values.index(v, tile)))
  const layoutStages: Stage[] = []
  if (uniform.body.code.length > 0)
    layoutStages.push({ kind: 'uniform', code: code(uniform.body.code, uniformPlaces) })
  planned.forEach(({ kind, loads, stores }, i) => {
    const { code: selected, tile } = places[i] as Placed
    const common = {
      loads: loads.map(({ from, to }): Load => {
        const source = typeof from === 'number' ? from : -1 - values.index(from, tile)
        return { source, value: values.index(to, tile) }
      }),
      stores: stores.map(({ from, slot }): Store => ({ value: values.index(from, tile), slot })),
    }
    const instructions = code(selected, tile)
    if (kind === 'straight') layoutStages.push({ kind, ...common, code: instructions })
    else
      layoutStages.push({
        kind,
        ...common,
        loop: instructions[0] as Extract<Instruction<number>, { kind: 'while' }>,
      })
  })
  const uniformInputs = program.params.flatMap((v, input) =>
    uniformPlaces.offsets.has(v) ? [{ input, value: values.index(v, uniformPlaces) }] : [],
  )
  const uniformOutputs = uniform.outputs.map(({ v, output }) => ({
    value: values.index(v, uniformPlaces),
    output,
  }))
  const port = (v: Variable): Port => ({ uniform: !isLane(v), shape: v.shape })
  const layout: Layout = {
    lanes: T,
    inputs: program.params.map(port),
    outputs: program.results.map(port),
    constants: values.constants.map(({ hash, data }) => ({ hash, size: data.length })),
    immediates: values.immediates,
    values: values.list,
    slots: slots.list,
    uniformInputs,
    uniformOutputs,
    uniformArena: uniformPlaces.size,
    tileArena: T * Math.max(0, ...places.map(({ tile }) => tile.size)),
    stages: layoutStages,
  }
  return { layout, constants: values.constants }
}

/** Results that are inputs of the program need a straight stage that carries them over, even if it does nothing else. */
const withPassedInputs = (program: Region, stages: readonly LaneStage[]): readonly LaneStage[] => {
  const params = new Set(program.params)
  const passes = program.results.some((v) => isLane(v) && params.has(v.root))
  return passes && !stages.some(({ kind }) => kind === 'straight')
    ? [...stages, { kind: 'straight', operations: [] }]
    : stages
}

/** The uniform code, and which of its variables are outputs of the program. */
interface UniformBody {
  readonly body: Body
  readonly outputs: readonly { readonly v: Variable; readonly output: number }[]
}

const uniformBody = (program: Region, staged: Staged): UniformBody => {
  const selector = new Selector(false)
  const needed = new Set<Variable>()
  const isUniform = (root: Variable): boolean => root.constant === undefined && !root.lane
  for (const stage of staged.lanes) {
    for (const operation of stage.kind === 'loop' ? [stage.operation] : stage.operations) {
      forEachUse(operation, (root) => isUniform(root) && needed.add(root))
    }
  }
  const results = program.results.map((v, output) => ({ v, output })).filter(({ v }) => !isLane(v))
  for (const { v } of results) if (isUniform(v.root)) needed.add(v.root)
  const code = selector.block(staged.uniform, needed)
  const outputs = results.map(({ v, output }) => ({ v: selector.own(v, code), output }))
  for (const { v } of outputs) needed.add(v.root)
  const entry = program.params.filter((v) => !v.lane)
  return { body: coalesce({ code, entry, exit: [...needed], merged: selector.merged }, true), outputs }
}

const laneUses = (operations: readonly Operation[]): Set<Variable> => {
  const uses = new Set<Variable>()
  for (const operation of operations) forEachUse(operation, (root) => root.lane && uses.add(root))
  return uses
}

const operationsOf = (stage: LaneStage): readonly Operation[] =>
  stage.kind === 'loop' ? [stage.operation] : stage.operations

const planStage = (stage: LaneStage, later: readonly LaneStage[], program: Region, slots: Slots): Planned => {
  const laterUses = laneUses(later.flatMap(operationsOf))
  const isLater = (root: Variable): boolean => laterUses.has(root)
  const selector = new Selector(true)
  if (stage.kind === 'straight') {
    const defined = new Set(stage.operations.flatMap((operation) => operation.outputs))
    const uses = laneUses(stage.operations)
    // The last straight stage also passes on inputs that are outputs.
    const isLast = !later.some(({ kind }) => kind === 'straight')
    const passed = isLast
      ? program.results.map((v) => v.root).filter((root) => program.params.includes(root) && root.lane)
      : []
    const loaded = [...new Set([...uses, ...passed])].filter((root) => !defined.has(root))
    const stores = slots.stores(program, new Set([...defined, ...passed]), isLater)
    const exit = stores.map(({ from }) => from.root)
    const body: Body = {
      code: selector.block(stage.operations, exit),
      entry: loaded,
      exit,
      merged: selector.merged,
    }
    const loads = loaded.map((root) => ({ from: slots.find(root), to: root }))
    return { kind: 'straight', body, loads, stores }
  }
  const { operation } = stage
  const { inputs, outputs, regions } = operation
  const carries = (regions[0] as Region).params
  const inner = new Set<Variable>()
  forEachUse({ ...operation, inputs: [] }, (root) => root.lane && inner.add(root))
  const loads: { readonly from: number | Variable; readonly to: Variable }[] = [...inner].map((root) => ({
    from: slots.find(root),
    to: root,
  }))
  inputs.forEach((v, i) =>
    loads.push({ from: isLane(v) ? slots.find(v.root) : v, to: carries[i] as Variable }),
  )
  const stores = slots.stores(program, new Set(outputs), isLater)
  const loop = selector.while(operation, carries)
  const merged = [
    ...selector.merged,
    ...carries.map((v, i): [Variable, Variable] => [v, outputs[i] as Variable]),
  ]
  const entry = [...inner, ...carries]
  const body: Body = { code: [loop], entry, exit: [...carries], merged }
  return { kind: 'loop', body, loads, stores }
}
