// Paths of URLs, with and without the short way.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { pathOfUrl } from "../../src/runtime/file_urls.ts";

/** By the platform's own reading, which takes no path that is not UTF-8. */
const slowly = (url: string) => decodeURIComponent(new URL(url).pathname);

Deno.test("a path is the same whether it can be read from its URL as it stands or not", () => {
  const urls = [
    ..."file:///|file:////|file:////a|file:///a|file:///a/|file:///a//b|file:///.a/b.c/..d|file:///a/@b-c_d/e.test.ts"
      .split("|"),
    ..."file:///a/.|file:///a/..|file:///a/./b|file:///a/../b|file:///../a|file:///a/.../b".split("|"),
    ..."file:///a?b|file:///a#b|file:///a%20b|file:///a b|file:///a |file:///ä|file:///a\\b|file:///a%2fb".split("|"),
    ..."file:///a\tb|file:///a:b|file:///a;b|file:///a~b|file:///a+b|file:///%2e%2e/a|file:///š".split("|"),
  ];
  for (const url of urls) assertEquals(pathOfUrl(url), slowly(url), url);
  const part = fc.constantFrom("a", "Z", "0", ".", "..", "/", "-", "_", "@", "%20", "?", "#", " ", "é", "\\", "\u0161");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const url = `file:///${parts.join("")}`;
      assertEquals(pathOfUrl(url), slowly(url), url);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a file on another host is not taken for one here by the short way", () => {
  assertEquals(pathOfUrl("file://host/a"), "/a");
  assertEquals(pathOfUrl(new URL("file:///a/b")), "/a/b");
});
