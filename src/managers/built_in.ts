// The types that the package has itself, by their names.

import { DICT } from "./types/dict.ts";
import { ITERATOR } from "./object_table.ts";
import type { ServedType } from "./objects.ts";
import "./types/iterator.ts";

/** What makes and describes the objects of each. */
export const BUILT_IN: ReadonlyMap<string, ServedType> = new Map(
  [DICT, ITERATOR].map((type) => [type.typeid, type]),
);
