// The tests of processes, started by spawn.

import { processSuite } from "./suite.ts";

processSuite("spawn");
