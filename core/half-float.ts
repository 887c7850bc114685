/** f16 of every bit pattern as f32, so that a block's scale is one look-up. */
const FROM_HALF = new Float32Array(1 << 16);
for (let bits = 0; bits < FROM_HALF.length; bits++) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) FROM_HALF[bits] = sign * fraction * 2 ** -24;
  else if (exponent === 0x1f) FROM_HALF[bits] = fraction === 0 ? sign * Infinity : Number.NaN;
  else FROM_HALF[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function halfToFloat(bits: number): number {
  return FROM_HALF[bits] as number;
}

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** f32 rounded to the nearest f16 (ties to even); overflow becomes infinity, as IEEE 754 says. */
export function floatToHalf(value: number): number {
  scratchFloat[0] = value;
  const bits = scratchBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal half: count units of 2^-24, rounding half to even.
    scratchBits[0] = magnitude;
    const units = (scratchFloat[0] as number) * 2 ** 24;
    const floor = Math.floor(units);
    const rest = units - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}
