import type pg from 'pg';
import { cutWire } from '../central/wire.ts';

/** Rows of a binary COPY, where they arrived. */
export interface RowBatch {
  bytes: Buffer;
  /** Where in `bytes` each row begins, with its number of fields. */
  starts: number[];
  /** How much of the answer this batch was. */
  length: number;
}

/** Taken together: large enough for few transactions, small enough for flat memory and for others to get their turn. */
const bytesPerBatch = 1_048_576;

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const code = (letter: string) => letter.charCodeAt(0);
const [copyOutResponse, copyData, copyDone, errorResponse] = [code('H'), code('d'), code('c'), code('E')];
const asynchronous = [code('A'), code('N'), code('S')];

/**
 * Runs `COPY … TO STDOUT (FORMAT binary)` and gives its rows as they come, a batch at a time, in the bytes that the socket
 * delivered: a message of its own for each of a million rows costs more than decoding it. Resolves once the connection is free again.
 *
 * An error that `take` throws ends the connection, since the rest of the answer could not be called off otherwise.
 */
export function copyOut(client: pg.Client, sql: string, take: (batch: RowBatch) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      reject(error);
      cutWire(client, error);
    };
    client.query(new CopyOut(sql, take, { resolve, reject, failed }));
  });
}

interface Outcome {
  resolve: () => void;
  reject: (error: Error) => void;
  failed: (error: Error) => void;
}

/**
 * Stands between pg and its socket while the rows come (PostgreSQL documentation, "COPY Operations" of the message flow: a row is
 * one message); whatever comes before, after or instead of them is pg's own.
 */
class CopyOut {
  private readonly sql: string;
  private readonly take: (batch: RowBatch) => void;
  private readonly outcome: Outcome;
  private bytes: Buffer = Buffer.allocUnsafeSlow(2 * bytesPerBatch);
  private length = 0;
  /** Up to here messages are whole and were looked at. */
  private scanned = 0;
  private starts: number[] = [];
  private headerRead = false;
  private trailerRead = false;
  private giveBack: (rest: Buffer) => void = () => {};

  constructor(sql: string, take: (batch: RowBatch) => void, outcome: Outcome) {
    this.sql = sql;
    this.take = take;
    this.outcome = outcome;
  }

  submit(connection: pg.Connection): void {
    const { stream } = connection;
    const [pgListener] = stream.listeners('data') as ((chunk: Buffer) => void)[];
    const listener = (chunk: Buffer) => {
      try {
        this.receive(chunk);
      } catch (error) {
        stream.off('data', listener);
        this.outcome.failed(error as Error);
      }
    };
    this.giveBack = (rest) => {
      stream.on('data', pgListener!);
      stream.off('data', listener);
      pgListener!(rest);
    };
    stream.on('data', listener);
    stream.off('data', pgListener!);
    connection.query(this.sql);
  }

  private receive(chunk: Buffer): void {
    if (this.length + chunk.length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (this.length + chunk.length));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    chunk.copy(this.bytes, this.length);
    this.length += chunk.length;
    const ended = this.scan();
    if (ended === null) {
      if (this.scanned >= bytesPerBatch) this.deliver();
      return;
    }
    if (ended === copyDone) {
      if (!this.trailerRead) throw new Error('Central ended a copy early.');
      this.deliver();
    }
    this.giveBack(this.bytes.subarray(this.scanned, this.length));
  }

  /** Finds rows in what is there. @returns the code of the message that ended the copy, or null */
  private scan(): number | null {
    const { bytes, length } = this;
    while (this.scanned + 5 <= length) {
      const kind = bytes[this.scanned]!;
      if (kind === errorResponse) return kind;
      const end = this.scanned + 1 + bytes.readInt32BE(this.scanned + 1);
      if (end > length) return null;
      if (kind === copyData) this.row(this.scanned + 5, end);
      else if (kind !== copyDone && kind !== copyOutResponse && !asynchronous.includes(kind))
        throw new Error(`Central sent a message of type ${kind} within a copy.`);
      this.scanned = end;
      if (kind === copyDone) return kind;
    }
    return null;
  }

  private row(at: number, end: number): void {
    let start = at;
    if (!this.headerRead) {
      if (end - at < 19 || !this.bytes.subarray(at, at + 11).equals(signature))
        throw new Error('Central did not answer in the binary COPY format.');
      start += 19 + this.bytes.readInt32BE(at + 15);
      this.headerRead = true;
    }
    if (start === end) return;
    if (this.bytes.readInt16BE(start) === -1) this.trailerRead = true;
    else this.starts.push(start);
  }

  private deliver(): void {
    this.take({ bytes: this.bytes, starts: this.starts, length: this.scanned });
    this.bytes.copy(this.bytes, 0, this.scanned, this.length);
    this.length -= this.scanned;
    this.scanned = 0;
    this.starts = [];
  }

  handleError(error: Error): void {
    this.outcome.reject(error);
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.outcome.resolve();
  }
}
