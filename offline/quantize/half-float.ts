export { floatToHalf, halfToFloat } from '../../core/half-float.ts';
