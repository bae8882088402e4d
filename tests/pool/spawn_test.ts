import { poolSuite } from "./suite.ts";

poolSuite("spawn");
