/**
 * Names that classes and functions had before: in Python 2, whose names protocol 2 has, and in numpy 1.
 *
 * @module
 */
import { PythonName } from "./python_object.ts";

/** Modules by the names that they had before. */
const MODULES: Readonly<Record<string, string>> = {
  __builtin__: "builtins",
  exceptions: "builtins",
  copy_reg: "copyreg",
  Queue: "queue",
  "numpy.core.multiarray": "numpy._core.multiarray",
  "numpy.core.numeric": "numpy._core.numeric",
};

/** What is called otherwise in its module now. */
const NAMES: Readonly<Record<string, string>> = {
  "builtins.unicode": "str",
  "builtins.long": "int",
  "builtins.xrange": "range",
  "builtins.unichr": "chr",
  "builtins.EnvironmentError": "OSError",
  "builtins.IOError": "OSError",
};

/** The name of something by which it is known now. */
export function currentName(module: string, name: string): PythonName {
  const current = Object.hasOwn(MODULES, module) ? MODULES[module] : module;
  const key = `${current}.${name}`;
  return new PythonName(current, Object.hasOwn(NAMES, key) && current !== module ? NAMES[key] : name);
}
