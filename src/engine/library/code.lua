-- Programs that are sent to their hosts: files by their SHA-256, in hexadecimal digits.
--
-- | key  | what |
-- | ---- | ---- |
-- | code | hash: the bytes of each |

members.fixed[#members.fixed + 1] = "code"

-- codeHas digest → ok 0 | ok 1
look("codeHas", { "no-writes" }, function(tree, digest)
  return { "ok", text(redis.call("HEXISTS", tree .. "code", digest)) }
end)

-- codePut digest bytes → ok. Whoever reads them looks whether they are what the digest says.
look("codePut", {}, function(tree, digest, bytes)
  if redis.call("EXISTS", tree .. "tree") == 0 then return { "gone" } end
  redis.call("HSETNX", tree .. "code", digest, bytes)
  return { "ok" }
end)

-- codeGet digest → ok bytes | no gone
look("codeGet", { "no-writes" }, function(tree, digest)
  local bytes = redis.call("HGET", tree .. "code", digest)
  return bytes and { "ok", bytes } or { "no", "gone" }
end)
