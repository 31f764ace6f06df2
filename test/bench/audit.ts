import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { canonicalText } from '../../src-main/core/audit/canonical.ts';
import { centralLogName, deviceLogName, signCheckpoint } from '../../src-main/core/audit/checkpoint.ts';
import { disclosureDigest } from '../../src-main/core/audit/disclosure.ts';
import { LogTree } from '../../src-main/core/audit/log-tree.ts';
import { Frontier, leafHash } from '../../src-main/core/audit/merkle.ts';
import { type NoteSigner, noteSigner } from '../../src-main/core/audit/note.ts';
import type { Json } from '../../src-main/core/command/intent.ts';
import { actorOf, type Identity, newPrivateKey } from '../../src-main/core/identity.ts';
import { openMirror } from '../../src-main/core/mirror/open.ts';
import { WritableMirror } from '../../src-main/core/mirror/writable.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import type { AuditReport } from './audit-process.ts';
import { type BenchContext, type Figure, megabytes, milliseconds, type Part } from './figure.ts';

const residentLimit = 200 * 1_048_576;
const exportLimitMs = 60_000;
const hashingLimit = 3;

/** An organization's log in an encrypted mirror: exported, and verified, each in a process of its own. */
export const part: Part = {
  name: 'audit',
  async run(context: BenchContext): Promise<Figure[]> {
    const entries = Math.round(1_000_000 * Number(process.env.LATCHKEY_BENCH_SCALE ?? 1));
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-audit-'));
    try {
      const key = randomBytes(32);
      const identity = benchIdentity();
      const began = performance.now();
      fillLog(folder, key, identity, entries);
      context.log(`  a log of ${entries.toLocaleString('en')} entries: ${milliseconds(performance.now() - began)}`);
      writeFileSync(join(folder, 'given.json'), JSON.stringify({ identity, key: key.toString('base64') }));
      const file = join(folder, 'bench.lkx.zip');
      // Strips TypeScript's types and compiles, once, uncounted: what is packaged needs neither, nor the memory for it.
      await inProcess('load', folder, file);
      const exported = await inProcess('export', folder, file);
      context.log(
        `  bundle of ${megabytes(statSync(file).size)}, ${JSON.stringify(exported.told)}, at most ${megabytes(exported.peakBytes)}`,
      );
      const hashed = await inProcess('hash', folder, file);
      const verified = await inProcess('verify', folder, file);
      context.log(`  ${JSON.stringify(hashed.told)}; ${JSON.stringify(verified.told)}`);
      const python = await inPython(folder, file);
      const ratio = verified.milliseconds / hashed.milliseconds;
      const count = entries.toLocaleString('en');
      return [
        {
          what: `export of ${count} entries with all they disclose`,
          measured: milliseconds(exported.milliseconds),
          against: milliseconds(exportLimitMs),
          ratio: exportLimitMs / exported.milliseconds,
          target: `< ${milliseconds(exportLimitMs)}`,
          met: exported.milliseconds < exportLimitMs,
        },
        {
          what: 'peak resident memory of the export',
          measured: megabytes(exported.peakBytes),
          against: megabytes(residentLimit),
          ratio: residentLimit / exported.peakBytes,
          target: `< ${megabytes(residentLimit)}`,
          met: exported.peakBytes < residentLimit,
        },
        {
          what: `verification of ${count} entries by verify.mjs`,
          measured: milliseconds(verified.milliseconds),
          against: `${milliseconds(hashed.milliseconds)} hashing the same alone`,
          ratio: 1 / ratio,
          target: `≤ ${hashingLimit} × hashing`,
          met: ratio <= hashingLimit,
        },
        {
          what: 'peak resident memory of the verification',
          measured: megabytes(verified.peakBytes),
          against: megabytes(residentLimit),
          ratio: residentLimit / verified.peakBytes,
          target: `< ${megabytes(residentLimit)}`,
          met: verified.peakBytes < residentLimit,
        },
        {
          what: `verification of ${count} entries by verify.py`,
          measured: `${milliseconds(python.milliseconds)}, ${megabytes(python.peakBytes)}`,
          against: `${milliseconds(verified.milliseconds)} verify.mjs`,
          ratio: verified.milliseconds / python.milliseconds,
          target: '',
          met: null,
        },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function inProcess(
  mode: 'load' | 'export' | 'hash' | 'verify',
  folder: string,
  file: string,
): Promise<AuditReport> {
  const entry = join(import.meta.dirname, 'audit-process.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entry, mode, folder, file],
    { env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'compiled') } },
  );
  return JSON.parse(stdout) as AuditReport;
}

/** The interpreter and the bundle's own verifier, as an auditor would run them. */
async function inPython(folder: string, file: string): Promise<{ milliseconds: number; peakBytes: number }> {
  const program = join(import.meta.dirname, '../../src-main/verifier/verify.py');
  const wrapped = `import json, resource, runpy, sys, time; sys.argv = sys.argv[1:]; began = time.time()
try: runpy.run_path(sys.argv[0], run_name='__main__')
except SystemExit as end: code = end.code
print(json.dumps({'milliseconds': (time.time() - began) * 1000, 'peakBytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, 'code': code}))`;
  const trust = join(folder, 'trust.txt');
  const { stdout } = await promisify(execFile)('python3', ['-c', wrapped, program, file, '--trust', trust, '--json']);
  const [, told] = stdout.trim().split('\n') as [string, string];
  const { code, ...report } = JSON.parse(told) as { code: number; milliseconds: number; peakBytes: number };
  if (code !== 0) throw new Error(`verify.py: ${stdout.slice(0, 300)}`);
  return report;
}

function benchIdentity(): Identity {
  return {
    device: { id: 'd0', name: 'bench' },
    organization: { id: '0a000000-0000-4000-8000-000000000001', name: 'Nordhaven' },
    operator: { id: '0a000000-0000-4000-8000-000000000002', email: 'astrid@nordhaven.example' },
    system: 'sky-genesis',
    central: { host: '', port: 0, database: '', user: '', password: '', tls: { mode: 'plain' } },
    logKey: newPrivateKey(),
    checkpointKey: newPrivateKey(),
  } as Identity;
}

const devices = 8;
const commandsPerPush = 3;

/** What some devices did in turns: three commands a push, its note, and three results. */
function fillLog(folder: string, key: Buffer, identity: Identity, entries: number): void {
  const organization = identity.organization.id;
  const actor = actorOf(identity);
  const mirror = new WritableMirror(openMirror(folder, key, 'write'), skyGenesis);
  const { database } = mirror;
  const insert = database.prepare('INSERT INTO latchkey_log (idx, entry) VALUES (?, ?)');
  const disclose = database.prepare('INSERT INTO latchkey_disclosure VALUES (?, ?)');
  const own = database.prepare('INSERT INTO latchkey_entry (position, command, bytes, sent) VALUES (?, ?, ?, 1)');
  const random = randomSource();
  const frontier = new Frontier();
  let leaves: Buffer[] = [];
  const ownLeaves: Buffer[] = [];
  const others = Array.from({ length: devices }, (_none, n) => {
    const id = `d${n}`;
    const signer = (name: string): NoteSigner =>
      noteSigner(name, actorOf({ ...identity, logKey: newPrivateKey() }).keys.log.privateKey);
    return {
      id,
      log: n === 0 ? actor.keys.log : signer(deviceLogName(organization, id)),
      checkpoint: n === 0 ? actor.keys.checkpoint : signer(centralLogName(organization)),
      frontier: new Frontier(),
      joined: n,
    };
  });
  let at = Date.parse('2026-01-01T00:00:00Z');
  const append = (fields: { [name: string]: Json }): Buffer => {
    at += 137;
    const text = canonicalText({ org: organization, ts: new Date(at).toISOString(), v: 'latchkey/1', ...fields });
    insert.run(frontier.size, text);
    const hash = leafHash(Buffer.from(text));
    frontier.append(hash);
    leaves.push(hash);
    return hash;
  };
  const tree = new LogTree(mirror, 'organization');
  mirror.transaction(() => {
    for (const { id, log, checkpoint } of others)
      append({
        act: 'device.join',
        dev: 'central',
        keys: { checkpoint: checkpoint.vkey, log: log.vkey },
        obj: { id, t: 'latchkey.device' },
      });
    for (let turn = 0; frontier.size < entries; turn++) {
      const device = others[turn % devices]!;
      const cen: Json = [frontier.size, frontier.root().toString('base64')];
      const made: { cmd: string; seq: number }[] = [];
      for (let n = 0; n < commandsPerPush; n++) {
        const seq = device.frontier.size + 1;
        const cmd = random.uuid();
        const object = random.uuid();
        const disclosures = Object.entries({
          actor: { email: `person${turn % 977}@nordhaven.example`, id: object },
          object: { key: object, table: 'api_keys' },
          reason: `rotation number ${turn} of the year`,
          changes: [
            {
              after: { status: 'active', version: seq },
              before: { status: 'rotating' },
              key: object,
              op: 'update',
              table: 'api_keys',
            },
          ],
        } as { [name: string]: Json }).map(([name, value]) =>
          Buffer.from(canonicalText([random.text(16), name, value])).toString('base64url'),
        );
        const digests = disclosures.map(disclosureDigest);
        for (const [place, digest] of digests.entries()) disclose.run(digest, disclosures[place]);
        const hash = append({
          ...{
            _sd: digests.toSorted(),
            act: 'key.rotate',
            cen,
            chg: { h: random.bytes(32).toString('hex') },
            cmd,
            dev: device.id,
          },
          ...{
            ep: '0192f0a1-0000-7000-8000-000000000001',
            hlc: at.toString(16).padStart(12, '0').padEnd(16, '0'),
            mono: ['0a1b2c3d', turn],
          },
          ...{
            obj: { id: object, t: 'api_keys' },
            ocsf: 300_403,
            out: 'ok',
            seq,
            sub: random.bytes(16).toString('hex'),
          },
        });
        device.frontier.append(hash);
        if (device === others[0]) {
          const [text] = database
            .prepare('SELECT entry FROM latchkey_log WHERE idx = ?')
            .pluck()
            .all(frontier.size - 1) as [string];
          own.run(seq, cmd, Buffer.from(text));
          ownLeaves.push(hash);
        }
        made.push({ cmd, seq });
      }
      const checkpoint = {
        origin: deviceLogName(organization, device.id),
        size: device.frontier.size,
        root: device.frontier.root(),
      };
      append({
        act: 'device.checkpoint',
        dev: 'central',
        note: signCheckpoint(checkpoint, device.log),
        obj: { id: device.id, t: 'latchkey.device' },
      });
      for (const { cmd, seq } of made)
        append({
          act: 'command.result',
          cmd,
          dev: 'central',
          out: 'applied',
          prj: { h: random.bytes(32).toString('hex'), t: 'audit_events' },
          ref: { dev: device.id, seq },
        });
      if (leaves.length > 50_000) {
        tree.append(leaves);
        leaves = [];
      }
    }
    tree.append(leaves);
    new LogTree(mirror, 'device').append(ownLeaves);
    mirror.setMeta('device_frontier', others[0]!.frontier.toString());
    const row = database.prepare(
      'INSERT INTO latchkey_device (device, joined, revoked, log_key, checkpoint_key, frontier, signed) VALUES (?, ?, NULL, ?, ?, ?, ?)',
    );
    for (const { id, joined, log, checkpoint, frontier: log_ } of others)
      row.run(id, joined, log.vkey, checkpoint.vkey, log_.toString(), log_.size);
    mirror.setMeta(
      'log_verified',
      JSON.stringify({ size: frontier.size, root: frontier.root().toString('base64'), epoch: 'e', at: '' }),
    );
  });
  writeFileSync(join(folder, 'trust.txt'), `${actor.keys.checkpoint.vkey}\n`);
  mirror.database.close();
}

/** Bytes that do not compress and cost little. */
function randomSource() {
  let pool = Buffer.alloc(0);
  let used = 0;
  let round = 0;
  const bytes = (length: number): Buffer => {
    if (used + length > pool.length) {
      pool = createHash('shake256', { outputLength: 1_048_576 }).update(String(round++)).digest();
      used = 0;
    }
    used += length;
    return pool.subarray(used - length, used);
  };
  return {
    bytes,
    text: (length: number) => bytes(length).toString('base64url'),
    uuid: () => {
      const hex = bytes(16).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
  };
}
