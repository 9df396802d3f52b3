// The object store in PostgreSQL: two tables in the schema onestep, made where they are missing. An object is written in one transaction.
import type { Pool, PoolClient } from 'pg'
import { inParts, keptSeconds } from './objectStore.js'
import type { ObjectName, ObjectStore, StoredObject } from './objectStore.js'
import { postgresPool } from './drivers.js'
import type { BrokerAddress } from './security.js'

const tables = `
  create schema if not exists onestep;
  create table if not exists onestep.object (
    id bigint generated always as identity primary key,
    kind text not null, name text not null, bytes bigint not null default 0,
    used timestamptz not null default now(), unique (kind, name));
  create table if not exists onestep.part (
    object bigint not null references onestep.object on delete cascade,
    i int not null, content bytea not null, primary key (object, i));`

/** Of the lock under which one process at a time makes the tables. */
const tablesLock = 1_869_767_541

class PostgresStore implements ObjectStore {
  private readonly pool: Pool
  private made: Promise<void> | undefined

  constructor(pool: Pool) {
    this.pool = pool
  }

  async ping(): Promise<void> {
    await this.ready()
    await this.pool.query('select 1')
  }

  async put({ group, name }: ObjectName, content: AsyncIterable<Uint8Array>): Promise<void> {
    await this.transaction(async (client) => {
      await client.query('delete from onestep.object where kind = $1 and name = $2', [group, name])
      // Of two that write the same object at once, the second waits here, and has nothing to do.
      const { rows } = await client.query<{ id: string }>(
        'insert into onestep.object (kind, name) values ($1, $2) on conflict do nothing returning id',
        [group, name],
      )
      const [object] = rows
      if (object === undefined) return
      let [bytes, i] = [0, 0]
      for await (const part of inParts(content)) {
        await client.query('insert into onestep.part values ($1, $2, $3)', [object.id, i, part])
        bytes += part.length
        i++
      }
      await client.query('update onestep.object set bytes = $1 where id = $2', [bytes, object.id])
    })
  }

  async *parts({ group, name }: ObjectName): AsyncGenerator<Uint8Array | undefined, void, undefined> {
    await this.ready()
    const { rows } = await this.pool.query<{ id: string; bytes: string }>(
      'select id, bytes from onestep.object where kind = $1 and name = $2',
      [group, name],
    )
    const [object] = rows
    if (object === undefined) return yield undefined
    let left = Number(object.bytes)
    for (let i = 0; left > 0; i++) {
      const found = await this.pool.query<{ content: Buffer }>(
        'select content from onestep.part where object = $1 and i = $2',
        [object.id, i],
      )
      const [part] = found.rows
      if (part === undefined) return yield undefined
      left -= part.content.length
      yield part.content
    }
  }

  async touch(group: string, names: readonly string[]): Promise<ReadonlySet<string>> {
    await this.ready()
    const { rows } = await this.pool.query<{ name: string }>(
      'update onestep.object set used = now() where kind = $1 and name = any($2) returning name',
      [group, names],
    )
    return new Set(rows.map(({ name }) => name))
  }

  async list(group: string): Promise<readonly StoredObject[]> {
    await this.ready()
    const { rows } = await this.pool.query<{ name: string; bytes: string }>(
      'select name, bytes from onestep.object where kind = $1',
      [group],
    )
    return rows.map(({ name, bytes }) => ({ name, bytes: Number(bytes) }))
  }

  async remove({ group, name }: ObjectName): Promise<void> {
    await this.ready()
    await this.pool.query('delete from onestep.object where kind = $1 and name = $2', [group, name])
  }

  async close(): Promise<void> {
    await this.pool.end()
  }

  /** Makes the tables, once, and removes what nobody has used for long. */
  private ready(): Promise<void> {
    const making = (this.made ??= this.makeTables())
    making.catch(() => {
      if (this.made === making) this.made = undefined
    })
    return making
  }

  private async makeTables(): Promise<void> {
    const client = await this.pool.connect()
    let failure: Error | undefined
    try {
      await client.query('begin')
      await client.query('select pg_advisory_xact_lock($1)', [tablesLock])
      await client.query(tables)
      await client.query(`delete from onestep.object where used < now() - make_interval(secs => $1)`, [
        keptSeconds,
      ])
      await client.query('commit')
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
      throw error
    } finally {
      // A connection that failed in the middle is not used again.
      client.release(failure)
    }
  }

  private async transaction(work: (client: PoolClient) => Promise<void>): Promise<void> {
    await this.ready()
    const client = await this.pool.connect()
    let failure: Error | undefined
    try {
      await client.query('begin')
      await work(client)
      await client.query('commit')
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
      throw error
    } finally {
      client.release(failure)
    }
  }
}

/** Connects when it is asked for something; `onError` hears of every connection that fails. */
export const postgresStore = async (
  address: BrokerAddress,
  onError: (error: unknown) => void,
): Promise<ObjectStore> => new PostgresStore(await postgresPool(address, { max: 2, onError }))
