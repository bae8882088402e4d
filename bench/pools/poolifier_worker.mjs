// The worker of poolifier's thread pool: a square.

import { ThreadWorker } from "poolifier";

export default new ThreadWorker((x) => x * x);
