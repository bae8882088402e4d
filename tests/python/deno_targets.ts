// Functions of JavaScript, which workers of Python cannot run.

export function double(x: number): number {
  return 2 * x;
}

export function nothing(): void {}
