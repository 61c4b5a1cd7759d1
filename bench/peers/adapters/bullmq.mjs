// BullMQ's producer and worker: node bullmq.mjs produce|work <worker> <spec>; BULLMQ_HOME is where npm put it.
// The loops are those of produce.py, the notes those of ledger.py; see there. Node maps no files, so notes are written
// every 10 ms, or with every job where the worker will be killed.
import { createRequire } from "node:module";
import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const require = createRequire(`${process.env.BULLMQ_HOME}/package.json`);
const { Queue, QueueEvents, Worker } = require("bullmq");
const IORedis = require("ioredis");

const SPARE = 16;
const LEVELS = 4;
const LANES = 32;
const [role, worker, text] = process.argv.slice(2);
const spec = JSON.parse(text);
const total = spec.count + SPARE;

const monotonic = () => process.hrtime.bigint();
const seconds = () => Number(monotonic()) / 1e9;
const connect = () => new IORedis(spec.url, { maxRetriesPerRequest: null });

// The same numbers for every run, as Python's side has with its own seed.
let seed = 7;
const random = () => {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
};

class Ledger {
  constructor(path) {
    this.buffer = Buffer.alloc(16 + 18 * total);
    this.fd = openSync(path, constants.O_RDWR | constants.O_CREAT);
    this.head = new BigInt64Array(this.buffer.buffer, this.buffer.byteOffset, 2);
    this.first = new BigInt64Array(this.buffer.buffer, this.buffer.byteOffset + 16, total);
    this.latest = new BigInt64Array(this.buffer.buffer, this.buffer.byteOffset + 16 + 8 * total, total);
    this.starts = this.buffer.subarray(16 + 16 * total, 16 + 17 * total);
    this.dones = this.buffer.subarray(16 + 17 * total);
    this.dirty = true;
    this.flush();
    setInterval(() => this.flush(), 10);
  }
  flush() {
    if (this.dirty) writeSync(this.fd, this.buffer, 0, this.buffer.length, 0);
    this.dirty = false;
  }
  start(i) {
    const now = monotonic();
    if (!this.head[0]) {
      const used = process.cpuUsage();
      this.head[1] = BigInt(used.user + used.system) * 1000n;
      this.head[0] = now;
    }
    if (!this.first[i]) this.first[i] = now;
    this.latest[i] = now;
    this.starts[i] = Math.min(255, this.starts[i] + 1);
    this.noted();
    return this.starts[i];
  }
  done(i) {
    this.dones[i] = Math.min(255, this.dones[i] + 1);
    this.noted();
  }
  noted() {
    this.dirty = true;
    if (spec.crash) this.flush();
  }
}

async function work() {
  const ledger = new Ledger(`${spec.folder}/ledger-${worker}`);
  const handlers = {
    noop: async (job) => {
      ledger.start(job.data.i);
      ledger.done(job.data.i);
      return job.data.i;
    },
    sleep: async (job) => {
      ledger.start(job.data.i);
      await sleep(job.data.seconds * 1000);
      ledger.done(job.data.i);
      return job.data.i;
    },
    fail_once: async (job) => {
      if (ledger.start(job.data.i) === 1) throw new Error(String(job.data.i));
      ledger.done(job.data.i);
      return job.data.i;
    },
  };
  const options = { connection: connect(), concurrency: spec.concurrency };
  if (!spec.results) options.removeOnComplete = { count: 0 };
  new Worker("bench", (job) => handlers[job.name](job), options).on("error", () => {});
  await new Promise(() => {});
}

const sent = new BigInt64Array(total);
const body = "x".repeat(spec.body);
const lead = Date.now() / 1000 + 1 + spec.count / 1000;

function call(i) {
  const opts = {};
  const data = { i };
  if (spec.job === "sleep") data.seconds = spec.jitter ? random() * spec.seconds : spec.seconds;
  else if (body) data.body = body;
  if (spec.priorities) opts.priority = LEVELS - (i % LEVELS); // 1 is the most urgent
  if (spec.retries) Object.assign(opts, { attempts: 3, backoff: { type: "fixed", delay: 1 } });
  if (spec.delays) {
    const wait = lead + random() * spec.seconds - Date.now() / 1000;
    opts.delay = Math.max(1, Math.round(wait * 1000));
    sent[i] = monotonic() + BigInt(opts.delay) * 1000000n;
  }
  return { name: spec.job, data, opts };
}

function spread(times, prefix = "") {
  const ordered = [...times].sort((a, b) => a - b);
  const at = (share) => ordered[Math.min(ordered.length - 1, Math.floor(share * ordered.length))] * 1000;
  return { [`${prefix}p50_ms`]: at(0.5), [`${prefix}p95_ms`]: at(0.95), [`${prefix}p99_ms`]: at(0.99), [`${prefix}max_ms`]: at(1) };
}

async function warmUp(queue) {
  const numbers = Array.from({ length: SPARE / 2 }, (_, n) => spec.count + n);
  for (const i of numbers) await queue.add("noop", { i });
  const path = `${spec.folder}/ledger-0`;
  for (const deadline = seconds() + 30; seconds() < deadline; await sleep(10)) {
    if (!existsSync(path)) continue;
    const notes = readFileSync(path);
    if (numbers.every((i) => notes[16 + 17 * total + i])) return;
  }
  throw new Error("no worker ran a job within 30 s");
}

const loops = {
  single: async (put) => {
    const times = [];
    for (let i = 0; i < spec.count; i++) {
      const { name, data, opts } = call(i);
      const before = seconds();
      await put(name, data, opts);
      times.push(seconds() - before);
    }
    return { produced: times.length, ...spread(times) };
  },
  lanes: async (put) => {
    let next = 0;
    const lane = async () => {
      while (next < spec.count) {
        const { name, data, opts } = call(next++);
        await put(name, data, opts);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return { produced: spec.count };
  },
  bulk: async (_put, queue) => {
    for (let first = 0; first < spec.count; first += spec.batch) {
      const jobs = [];
      for (let i = first; i < Math.min(first + spec.batch, spec.count); i++) jobs.push(call(i));
      await queue.addBulk(jobs);
    }
    return { produced: spec.count };
  },
  open: async (put) => {
    let arrival = seconds();
    for (let i = 0; i < spec.count; i++) {
      arrival += -Math.log(1 - random()) / spec.rate;
      await sleep(Math.max(0, (arrival - seconds()) * 1000));
      const { name, data, opts } = call(i);
      sent[i] = monotonic();
      await put(name, data, opts);
    }
    return { produced: spec.count };
  },
  closed: async (put) => {
    const events = new QueueEvents("bench", { connection: connect() });
    await events.waitUntilReady();
    const times = [];
    let errors = 0;
    const ends = seconds() + spec.seconds;
    let next = 0;
    const lane = async () => {
      while (next < spec.count) {
        const { name, data, opts } = call(next++);
        const before = seconds();
        const job = await put(name, data, opts);
        await job.waitUntilFinished(events, 30000).catch(() => errors++);
        times.push(seconds() - before);
        if (seconds() >= ends) return;
      }
    };
    await Promise.all(Array.from({ length: spec.concurrency }, lane));
    return { produced: times.length, errors, ...spread(times, "result_") };
  },
  nothing: async () => ({ produced: 0 }),
};

async function produce() {
  const queue = new Queue("bench", { connection: connect() });
  await queue.waitUntilReady();
  if (spec.warm) await warmUp(queue);
  const used = process.cpuUsage();
  const start = seconds();
  const figures = await loops[spec.produce]((name, data, opts) => queue.add(name, data, opts), queue);
  const took = seconds() - start;
  const cpu = process.cpuUsage(used);
  const fd = openSync(`${spec.folder}/sent`, constants.O_RDWR | constants.O_CREAT);
  writeSync(fd, Buffer.from(sent.buffer));
  closeSync(fd);
  console.log(
    JSON.stringify({
      ...figures,
      seconds: took,
      jobs_per_s: figures.produced / took,
      client_us: (cpu.user + cpu.system) / Math.max(1, figures.produced),
      version: require("bullmq/package.json").version,
      python: `Node ${process.versions.node}`,
    }),
  );
  process.exit(0);
}

await (role === "work" ? work() : produce());
