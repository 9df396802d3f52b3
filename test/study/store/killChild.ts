// A process that stores chunks until it is killed. It says which ones are stored, one a line.
import { encodeChunk, writePart } from '../../../lib/study/store/chunkFile.js'
import { chunkCount } from '../../../lib/study/store/manifest.js'
import { openRun } from '../../../lib/study/store/runDirectory.js'
import { sampleChunk } from './sampleRun.js'

const [dir = '', begin = '0'] = process.argv.slice(2)
const run = await openRun(dir)
const chunks = chunkCount(run.manifest)
process.stdout.write('ready\n')
for (let i = 0; ; i++) {
  const chunk = (Number(begin) + i) % chunks
  const { identity, block } = sampleChunk(run.manifest, chunk)
  const part = run.partPath(chunk)
  await writePart(part, encodeChunk(identity, block))
  await run.publish(chunk, part)
  await run.replace('runners/note.json', `{"chunk":${String(chunk)}}`)
  process.stdout.write(`${String(chunk)}\n`)
}
