// The types that the package has itself, by their names.

import { DICT } from "./types/dict.ts";
import { LIST } from "./types/list.ts";
import { NAMESPACE } from "./types/namespace.ts";
import { SET } from "./types/set.ts";
import { ITERATOR } from "./object_table.ts";
import type { ServedType } from "./objects.ts";
import "./types/iterator.ts";

/** What makes and describes the objects of each. */
export const BUILT_IN: ReadonlyMap<string, ServedType> = new Map(
  [DICT, LIST, SET, NAMESPACE, ITERATOR].map((type) => [type.typeid, type]),
);
