// The smallest Deno program: what `deno run` alone costs.
