// The contract of contexts, kept by the package's own for forkserver.

import { getContext } from "@parallel/multiprocessing";
import { contract } from "./contract.ts";

contract("forkserver", getContext("forkserver"));
