// The tests of processes, started by forkserver.

import { processSuite } from "./suite.ts";

processSuite("forkserver");
