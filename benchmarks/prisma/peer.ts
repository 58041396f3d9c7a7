// Does the work that `../_prisma.py` asks for, one line for each call.
//   tsx peer.ts CONNECTION    (as JSON, for node-postgres)
import readline from 'node:readline'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './generated/client.ts'

const BATCH = 100
const adapter = new PrismaPg(JSON.parse(process.argv[2]))
const db = new PrismaClient({ adapter })

const reply = (answer: object) => process.stdout.write(JSON.stringify(answer) + '\n')

async function create({ userId, rows }: { userId: number | null; rows: number }): Promise<number> {
  let count = 0
  for (let start = 0; start < rows; start += BATCH) {
    const data = Array.from({ length: Math.min(BATCH, rows - start) }, (_, place) => ({
      publicId: String(start + place).padStart(12, '0'),
      resourceType: 'Note',
      isPrivate: false,
      createdById: userId === null ? null : BigInt(userId),
    }))
    count += (await db.resource.createMany({ data, skipDuplicates: true })).count
  }
  return count
}

type Change = [id: number, revision: number, isPrivate: boolean]

async function update({ changes }: { changes: Change[] }): Promise<number> {
  return db.$transaction(
    async (tx) => {
      let count = 0
      for (const [id, revision, isPrivate] of changes) {
        const changed = await tx.resource.updateMany({
          where: { id: BigInt(id), revision },
          data: { isPrivate, revision: { increment: 1 }, updatedAt: new Date() },
        })
        count += changed.count
      }
      return count
    },
    { timeout: 600_000 },
  )
}

// Each list is the work of one of as many workers.
async function view({ viewed }: { viewed: string[][] }): Promise<number> {
  const counts = viewed.map(async (publicIds) => {
    for (const publicId of publicIds) {
      await db.resource.update({
        where: { publicId },
        data: { views: { increment: 1 } },
        select: { id: true },
      })
    }
    return publicIds.length
  })
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

const calls = { create, update, view } as Record<string, (given: any) => Promise<number>>
const [backend] = await db.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`
reply(backend)
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { call, ...given } = JSON.parse(line)
  reply({ count: await calls[call](given) })
}
await db.$disconnect()
