// Imports the package, and prints the nanoseconds that this took.

const begin = performance.now();
await import("@parallel/multiprocessing");
console.log((performance.now() - begin) * 1e6);
