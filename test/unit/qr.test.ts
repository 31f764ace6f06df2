import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { qrCode, qrText } from '../../src-main/hosts/cli/qr.ts';

const textOf = (length: number) =>
  Array.from({ length }, (_none, i) => String.fromCharCode(97 + ((i * i * 7 + i + length) % 26))).join('');

const digits = (modules: boolean[][]) =>
  modules.map((row) => row.map((dark) => (dark ? '1' : '0')).join('')).join('\n');

describe('a QR code', () => {
  // Symbols that qrcode-generator 2.0 makes of the same texts (byte mode, level L), where both find the same mask best.
  test.each([
    [14, 1, 'de7653b986ef7d9c'],
    [53, 3, '606a65efd0287a06'],
    [155, 8, '4cb1a4302859547d'],
    [192, 8, '6a81f5dd20a82f9a'],
    [271, 10, 'fd114e5d3a0dcac6'],
    [461, 15, '00622c4492b1ed6f'],
    [700, 18, 'eadaf4867667907f'],
  ])('of %i bytes is of version %i, and as others make it', (length, version, hash) => {
    const modules = qrCode(textOf(length));
    expect(modules.length).toBe(4 * version + 17);
    expect(createHash('sha256').update(digits(modules)).digest('hex').slice(0, 16)).toBe(hash);
  });

  test('holds 2,953 bytes and not one more', () => {
    expect(qrCode(textOf(2_953)).length).toBe(177);
    expect(() => qrCode(textOf(2_954))).toThrow(RangeError);
  });

  test('is shown in half blocks, with a quiet zone of four modules', () => {
    const modules = qrCode('latchkey');
    const lines = qrText(modules).split('\n');
    expect(lines.length).toBe(15);
    expect(lines[0]).toBe('█'.repeat(29));
    const shown = lines.flatMap((line) => [
      [...line].map((one) => one === ' ' || one === '▄'),
      [...line].map((one) => one === ' ' || one === '▀'),
    ]);
    expect(shown.slice(4, 25).map((row) => row.slice(4, 25))).toEqual(modules);
  });
});
