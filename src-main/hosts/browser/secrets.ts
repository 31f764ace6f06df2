import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 32 random bytes, in characters that may stand in a URL, in a header and in a WebSocket subprotocol. */
function freshSecret(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Secrets that are kept as hashes: equal in length, so that comparing them takes the same time whatever was sent, and
 * of no use to whoever reads this process's memory later.
 */
export class SecretList {
  private hashes: { hash: Buffer; until: number }[] = [];
  private readonly limit: number;
  private readonly clock: () => number;

  /** Beyond `limit` the oldest makes room. */
  constructor(limit: number, clock: () => number) {
    this.limit = limit;
    this.clock = clock;
  }

  add(lifeMilliseconds: number): string {
    const secret = freshSecret();
    this.hashes.push({ hash: hashOf(secret), until: this.clock() + lifeMilliseconds });
    this.hashes = this.hashes.slice(-this.limit);
    return secret;
  }

  has(secret: string): boolean {
    return this.find(secret) !== undefined;
  }

  /** True once for each secret. */
  take(secret: string): boolean {
    const found = this.find(secret);
    if (found) this.hashes = this.hashes.filter((entry) => entry !== found);
    return found !== undefined;
  }

  private find(secret: string): { hash: Buffer; until: number } | undefined {
    const now = this.clock();
    this.hashes = this.hashes.filter((entry) => now < entry.until);
    const hash = hashOf(secret);
    // Every entry is compared, whether or not one has matched already.
    return this.hashes.filter((entry) => timingSafeEqual(entry.hash, hash))[0];
  }
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
