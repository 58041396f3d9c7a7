// Creates resources by createMany for `../bench_bulk.py`, which writes one line for each turn.
//   tsx create_many.ts CONNECTION    (as JSON, for node-postgres)
import readline from 'node:readline'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './generated/client.ts'

const BATCH = 100
const adapter = new PrismaPg({ ...JSON.parse(process.argv[2]), max: 1 })
const db = new PrismaClient({ adapter })

const reply = (answer: object) => process.stdout.write(JSON.stringify(answer) + '\n')

async function create(userId: bigint | null, rows: number): Promise<number> {
  let count = 0
  for (let start = 0; start < rows; start += BATCH) {
    const data = Array.from({ length: Math.min(BATCH, rows - start) }, (_, place) => ({
      publicId: String(start + place).padStart(12, '0'),
      resourceType: 'Note',
      isPrivate: false,
      createdById: userId,
    }))
    count += (await db.resource.createMany({ data, skipDuplicates: true })).count
  }
  return count
}

// Warm, as nobody else has to be: the table is emptied before each turn.
await create(null, 20 * BATCH)
const [backend] = await db.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`
reply(backend)
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { userId, rows } = JSON.parse(line)
  reply({ count: await create(BigInt(userId), rows) })
}
await db.$disconnect()
