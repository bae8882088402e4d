import { poolSuite } from "./suite.ts";

poolSuite("forkserver");
