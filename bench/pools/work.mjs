// What the workers of npm's pools run: a square.

export default (x) => x * x;
