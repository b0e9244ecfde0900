// Runs a directory of identities and a PDS, on 127.0.0.1 alone, with all they keep in DATA_DIR. Settings: PLC_PORT, PDS_PORT,
// DATA_DIR. Prints a line of JSON once both answer, and ends with its standard input.
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Server } from 'node:net'
import { join } from 'node:path'

const { PLC_PORT, PDS_PORT, DATA_DIR } = process.env
const secret = () => randomBytes(32).toString('hex')

// Both servers name a port and no host, which would be every interface.
const { listen } = Server.prototype
Server.prototype.listen = function (port, ...rest) {
  const hostless = ['number', 'string'].includes(typeof port) && typeof rest[0] !== 'string'
  return hostless ? listen.call(this, Number(port), '127.0.0.1', ...rest) : listen.call(this, port, ...rest)
}

const blobs = join(DATA_DIR, 'blobs')
const unfinished = join(DATA_DIR, 'unfinished')
for (const directory of [blobs, unfinished]) mkdirSync(directory, { recursive: true })

const { Database, PlcServer } = createRequire(import.meta.url)('@did-plc/server')
const directory = PlcServer.create({ db: Database.mock(), port: Number(PLC_PORT) })
await directory.start()

Object.assign(process.env, {
  LOG_ENABLED: process.env.LOG_ENABLED ?? 'false',
  PDS_PORT,
  // With this name its own address is http://localhost:<port>.
  PDS_HOSTNAME: 'localhost',
  PDS_SERVICE_HANDLE_DOMAINS: '.test',
  PDS_DEV_MODE: 'true',
  PDS_DISABLE_SSRF_PROTECTION: 'true',
  PDS_INVITE_REQUIRED: 'false',
  PDS_RATE_LIMITS_ENABLED: 'false',
  PDS_CRAWLERS: '',
  PDS_DID_PLC_URL: `http://localhost:${PLC_PORT}`,
  PDS_DATA_DIRECTORY: DATA_DIR,
  PDS_BLOBSTORE_DISK_LOCATION: blobs,
  PDS_BLOBSTORE_DISK_TMP_LOCATION: unfinished,
  PDS_ADMIN_PASSWORD: secret(),
  PDS_DPOP_SECRET: secret(),
  PDS_JWT_SECRET: secret(),
  PDS_REPO_SIGNING_KEY_K256_PRIVATE_KEY_HEX: secret(),
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: secret(),
})
const { PDS } = await import('@atproto/pds')
const pds = await PDS.fromEnv()
await pds.start()
console.log(JSON.stringify({ pds: `http://127.0.0.1:${PDS_PORT}` }))

// Whoever started it may be killed: their end of the pipe closes with them.
const end = () => process.exit(0)
process.stdin.on('end', end).on('error', end).resume()
process.on('SIGTERM', end)
