// The object store in Redis.
//   onestep:objects:<group>          hash: name → "<bytes> <parts>", written when all parts are there
//   onestep:part:<group>/<name>:<i>  string, a part
import type { Redis } from 'ioredis'
import { inParts, keptSeconds } from './objectStore.js'
import type { ObjectName, ObjectStore } from './objectStore.js'
import { loadRedis } from './packages.js'
import { redisOptions } from './drivers.js'
import type { BrokerAddress } from './security.js'

const groupKey = (group: string): string => `onestep:objects:${group}`
const partKey = ({ group, name }: ObjectName, i: number): string =>
  `onestep:part:${group}/${name}:${String(i)}`

/** The field of an object in the hash of its group. */
const read = (
  field: string | null | undefined,
): { readonly bytes: number; readonly parts: number } | undefined => {
  const [, bytes, parts] = /^(\d{1,15}) (\d{1,7})$/.exec(field ?? '') ?? []
  return bytes === undefined || parts === undefined
    ? undefined
    : { bytes: Number(bytes), parts: Number(parts) }
}

class RedisStore implements ObjectStore {
  private readonly redis: Redis

  constructor(redis: Redis) {
    this.redis = redis
  }

  async ping(): Promise<void> {
    await this.redis.ping()
  }

  async put(at: ObjectName, content: AsyncIterable<Uint8Array>): Promise<void> {
    let [bytes, parts] = [0, 0]
    for await (const part of inParts(content)) {
      // Whoever dies in the middle leaves parts that go by themselves.
      await this.redis.set(partKey(at, parts), part, 'EX', keptSeconds)
      bytes += part.length
      parts++
    }
    await this.redis.hset(groupKey(at.group), at.name, `${String(bytes)} ${String(parts)}`)
    await this.redis.expire(groupKey(at.group), keptSeconds)
  }

  async *parts(at: ObjectName): AsyncGenerator<Uint8Array | undefined, void, undefined> {
    const known = read(await this.redis.hget(groupKey(at.group), at.name))
    if (known === undefined) return yield undefined
    for (let i = 0; i < known.parts; i++) {
      const part = await this.redis.getBuffer(partKey(at, i))
      if (part === null) return yield undefined
      yield part
    }
  }

  async touch(group: string, names: readonly string[]): Promise<ReadonlySet<string>> {
    const whole = new Set<string>()
    if (names.length === 0) return whole
    const fields = await this.redis.hmget(groupKey(group), ...names)
    await this.redis.expire(groupKey(group), keptSeconds)
    for (const [j, name] of names.entries()) {
      const known = read(fields[j])
      if (known === undefined) continue
      const keys = Array.from({ length: known.parts }, (_, i) => partKey({ group, name }, i))
      const kept = await Promise.all(keys.map((key) => this.redis.expire(key, keptSeconds)))
      if (kept.every((found) => found === 1)) whole.add(name)
    }
    return whole
  }

  async list(group: string): Promise<readonly { name: string; bytes: number }[]> {
    const fields = await this.redis.hgetall(groupKey(group))
    return Object.entries(fields).map(([name, field]) => ({ name, bytes: read(field)?.bytes ?? 0 }))
  }

  async remove(at: ObjectName): Promise<void> {
    const known = read(await this.redis.hget(groupKey(at.group), at.name))
    await this.redis.hdel(groupKey(at.group), at.name)
    for (let i = 0; i < (known?.parts ?? 0); i++) await this.redis.del(partKey(at, i))
  }

  close(): Promise<void> {
    this.redis.disconnect()
    return Promise.resolve()
  }
}

/** Connects in the background; `onError` hears of every connection that fails. */
export const redisStore = async (
  address: BrokerAddress,
  onError: (error: unknown) => void,
): Promise<ObjectStore> => {
  const { Redis } = await loadRedis()
  // A command that finds no connection fails after a second or two: whoever asked knows better whether to ask again.
  const redis = new Redis({ ...redisOptions(address), maxRetriesPerRequest: 2, commandTimeout: 30_000 })
  redis.on('error', onError)
  return new RedisStore(redis)
}
