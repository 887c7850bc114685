import { constants, createHash, createPublicKey, publicDecrypt, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** Kinds of AUTH packets. */
export const AUTH = { TOKEN: 1, SIGNATURE: 2, RSAPUBLICKEY: 3 } as const;
export const TOKEN_BYTES = 20;

/** DigestInfo of SHA-1 (RFC 8017 §9.2); adb signs the token as if it were the digest itself. */
const SHA1_PREFIX = Buffer.from('3021300906052b0e03021a05000414', 'hex');
const WORDS = 64;
const MODULUS_BYTES = WORDS * 4;
/** android_pubkey: modulus size in words, n0inv, modulus, R^2, exponent; numbers little endian. */
const KEY_BYTES = 4 + 4 + MODULUS_BYTES + MODULUS_BYTES + 4;

/** Reads adb's public key text (`BASE64 user@host`); undefined when it is none. */
export function parseAdbKey(text: string): KeyObject | undefined {
  const [base64 = ''] = text.replace(/\0.*$/s, '').trim().split(/\s+/);
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== KEY_BYTES || bytes.readUInt32LE(0) !== WORDS) return undefined;
  const modulus = Buffer.from(bytes.subarray(8, 8 + MODULUS_BYTES)).reverse();
  const exponent = Buffer.from(bytes.subarray(KEY_BYTES - 4)).reverse();
  try {
    return createPublicKey({
      format: 'jwk',
      key: { kty: 'RSA', n: modulus.toString('base64url'), e: exponent.toString('base64url') },
    });
  } catch {
    return undefined;
  }
}

/** Whether `signature` is the key's PKCS#1 v1.5 signature of the token. */
export function isSignedBy(key: KeyObject, token: Uint8Array, signature: Uint8Array): boolean {
  try {
    const opened = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return opened.equals(Buffer.concat([SHA1_PREFIX, token]));
  } catch {
    return false;
  }
}

export function keyFingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Public keys of the hosts that this phone trusts, in its state folder in adbd's own format, a line each. */
export class TrustedHosts {
  readonly #path: string;
  readonly #keys: KeyObject[] = [];

  constructor(stateDir: string) {
    mkdirSync(join(stateDir, 'adb'), { recursive: true });
    this.#path = join(stateDir, 'adb', 'adb_keys');
    if (!existsSync(this.#path)) return;
    for (const line of readFileSync(this.#path, 'utf8').split('\n')) {
      const key = parseAdbKey(line);
      if (key !== undefined) this.#keys.push(key);
    }
  }

  knows(token: Uint8Array, signature: Uint8Array): boolean {
    return this.#keys.some((key) => isSignedBy(key, token, signature));
  }

  /** A virtual phone has nobody to ask: it trusts a host at once. @returns false when the text is no key. */
  trust(text: string): boolean {
    const key = parseAdbKey(text);
    if (key === undefined) return false;
    this.#keys.push(key);
    appendFileSync(this.#path, `${text.replace(/\0.*$/s, '').trim()}\n`, { mode: 0o600 });
    return true;
  }
}
