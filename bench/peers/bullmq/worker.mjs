// The common Node pattern for a campaign: a job for each recipient, a request for each job, an update for each row.
//
//     DATABASE_URL=… REDIS_URL=… MITTO_API_BASE=http://127.0.0.1:8090 node worker.mjs 20000      (bullmq.py does all that)
//
// Prints one line of JSON: jobs queued a second, and messages sent and written a second.
import { Queue, Worker } from 'bullmq';
import IORedis from 'ioredis';
import pg from 'pg';
import { Pool as HttpPool } from 'undici';

const messages = Number(process.argv[2] ?? 20000);
const CONCURRENCY = 100;
const ACCOUNT = '0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a';
const HEADERS = { 'X-Mitto-API-Key': process.env.MITTO_API_KEY ?? 'simulator-key', 'Content-Type': 'application/json' };

const redis = new IORedis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const database = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 });
const provider = new HttpPool(process.env.MITTO_API_BASE, { connections: 20 });

await database.query('DROP TABLE IF EXISTS peer_message');
await database.query(`CREATE TABLE peer_message (
  seq bigint PRIMARY KEY, msisdn bigint NOT NULL, name text NOT NULL, state text NOT NULL, provider_id text, sent_at timestamptz)`);
await database.query('CREATE INDEX peer_message_provider ON peer_message (provider_id)');

async function send(job) {
  const { seq, number, name } = job.data;
  const text = `Hello ${name}, your order arrives between 10 and 12. Reply STOP to opt out.`;
  const message = { trafficAccountId: ACCOUNT, destination: `+${number}`, sms: { text, sender: 'Example' } };
  const body = JSON.stringify({ messages: [message] });
  const answer = await provider.request({ path: '/api/v1.1/Messages/sendmessagesbulk', method: 'POST', headers: HEADERS, body });
  const { messages: [{ messageId }] } = await answer.body.json();
  await database.query("UPDATE peer_message SET provider_id = $2, state = 'sent', sent_at = now() WHERE seq = $1", [seq, messageId]);
}

const queue = new Queue('peer', { connection: redis });
await queue.obliterate({ force: true });
let begun = performance.now();
for (let first = 0; first < messages; first += 1000) {
  const rows = Array.from({ length: Math.min(1000, messages - first) }, (_, i) => first + i);
  const seqs = rows.map(String), numbers = rows.map((seq) => String(4915100000000 + seq)), names = rows.map((seq) => `Customer ${seq}`);
  await database.query(
    "INSERT INTO peer_message SELECT seq, msisdn, name, 'due' FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS r(seq, msisdn, name)",
    [seqs, numbers, names]);
  await queue.addBulk(rows.map((seq) => ({
    name: 'send', data: { seq, number: 4915100000000 + seq, name: `Customer ${seq}` }, opts: { removeOnComplete: true } })));
}
const queued = messages / ((performance.now() - begun) / 1000);

begun = performance.now();
let done = 0;
await new Promise((resolve, reject) => {
  const worker = new Worker('peer', send, { connection: redis.duplicate(), concurrency: CONCURRENCY });
  worker.on('completed', () => { done += 1; if (done === messages) resolve(worker.close()); });
  worker.on('failed', (_, error) => reject(error));
});
const sent = messages / ((performance.now() - begun) / 1000);
const { rows: [{ n }] } = await database.query("SELECT count(*)::int AS n FROM peer_message WHERE state = 'sent'");
if (n !== messages) throw new Error(`${n} of ${messages} rows were written`);
await database.query('DROP TABLE peer_message');
console.log(JSON.stringify({ peer: 'bullmq', messages, intake_per_s: Math.round(queued), sent_per_s: Math.round(sent) }));
process.exit(0);
