// Where what a Python process is made of is: the native library that it loads, and the module that it begins with.

import { native, nativePath } from "./load.ts";
import { isPackaged } from "./platform.ts";
import { pathOfUrl } from "../runtime/file_urls.ts";
import { PACKAGE_FOLDER } from "../runtime/own_modules.ts";

/** Paths of the files. */
export interface PythonFiles {
  /** The library of native/c: beside the addon, with `_c` at the end of its name. */
  readonly library: string;
  /** The module: in the package of the platform, or in a clone. */
  readonly boot: string;
}

/** The files for this process's children. */
export function pythonFiles(): PythonFiles {
  native();
  const addon = nativePath();
  const folder = isPackaged() ? addon.slice(0, addon.lastIndexOf("/") + 1) : pathOfUrl(PACKAGE_FOLDER);
  return {
    library: addon.replace(/(\.[^./]*)?$/, "_c.so"),
    boot: `${folder}python/deno_multiprocessing/__main__.py`,
  };
}
