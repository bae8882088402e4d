// The contract of contexts, kept by the package's own for spawn.

import { getContext } from "@parallel/multiprocessing";
import { contract } from "./contract.ts";

contract("spawn", getContext("spawn"));
