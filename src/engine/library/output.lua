-- What processes write. What goes to the root's terminal is in one list, for the root; a piped output is an object of its
-- reader, in which the process waits where nobody reads.
--
-- | key or field | what |
-- | ------------ | ---- |
-- | out          | list: `{ who, 1 or 2, text }`, whole lines, at most OUT_MOST of them, and some OUT_BYTES |
-- | outstate     | hash: `first`: how many portions were before the list; `lost`: how many of them the root has not had; |
-- |              | `told`: it was told that there are some, and has not seen the end since; `size`: bytes in the list |
-- | o:<pipe>     | hash: `ended`: nothing more comes; `closed`: nobody reads any more; `size`: bytes that are in it |
-- | …:d          | list: what was written |
-- | …:r          | who waits to read |
-- | …:w          | list: those that wait until there is room |

members.fixed[#members.fixed + 1] = "out"
members.fixed[#members.fixed + 1] = "outstate"

local output = { OUT_MOST = 10000, OUT_BYTES = 16 * 1024 * 1024, PIPE_MOST = 262144, TAKE_MOST = 262144 }

-- out who number text → ok. The list is short of its oldest where the root takes nothing.
step("out", {}, function(call, who, number, bytes)
  local state = call.tree .. "outstate"
  local portion = cmsgpack.pack({ who, number, bytes })
  local length = redis.call("RPUSH", call.tree .. "out", portion)
  local size = redis.call("HINCRBY", state, "size", #portion)
  while length > output.OUT_MOST or size > output.OUT_BYTES and length > 1 do
    size = redis.call("HINCRBY", state, "size", -#redis.call("LPOP", call.tree .. "out"))
    redis.call("HINCRBY", state, "first", 1)
    redis.call("HINCRBY", state, "lost", 1)
    length = length - 1
  end
  if redis.call("HSETNX", state, "told", "1") == 1 then tell(call.tree, "1", "out") end
  return { "ok" }
end)

-- takeOut n → ok n lost who number text who number text …: portions from the n-th on, up to some 256 KiB; those before are the root's
-- own. The answer says from which one on they are: some may be lost. By the root, until there are none.
look("takeOut", { "allow-oom" }, function(tree, n)
  local out, state = tree .. "out", tree .. "outstate"
  local fields = redis.call("HMGET", state, "first", "lost")
  local first, lost, from = tonumber(fields[1] or "0"), fields[2] or "0", members.whole(n, 0, 2 ^ 50) or 0
  if from > first then
    local size = 0
    for _, portion in ipairs(redis.call("LRANGE", out, 0, from - first - 1)) do size = size + #portion end
    redis.call("LTRIM", out, from - first, -1)
    redis.call("HSET", state, "first", text(from))
    if size > 0 then redis.call("HINCRBY", state, "size", -size) end -- a negative 0 is none of its numbers
    first = from
  end
  local taken, size, at = { "ok", text(first), lost }, 0, 0
  while size < output.TAKE_MOST do
    local portion = redis.call("LINDEX", out, at)
    if not portion then break end
    for _, part in ipairs(cmsgpack.unpack(portion)) do taken[#taken + 1] = part end
    size, at = size + #portion, at + 1
  end
  if at == 0 then redis.call("HDEL", state, "told", "lost", "size") end
  return taken
end)

kinds.pipe = { keys = { ":d", ":r", ":w" } }

function kinds.pipe.make(call, o)
  redis.call("HSET", key_of(call.tree, o), "size", "0")
end

function kinds.pipe.cancel(tree, o, waiter)
  if redis.call("GET", key_of(tree, o) .. ":r") == waiter then redis.call("DEL", key_of(tree, o) .. ":r") end
  redis.call("LREM", key_of(tree, o) .. ":w", 0, waiter)
end

-- The agent of the writer was lost: what was written is all there is.
function kinds.pipe.bury(tree, o)
  output.finish(tree, o)
end

function output.finish(tree, o)
  redis.call("HSET", key_of(tree, o), "ended", "1")
  local reader = redis.call("GET", key_of(tree, o) .. ":r")
  if not reader then return end
  redis.call("DEL", key_of(tree, o) .. ":r")
  answer(tree, o, reader, { "ok", "" })
end

-- pipeOpen o → ok. By the agent: it is the writer, and if it dies, the output has ended.
step("pipeOpen", { "allow-oom" }, function(call, o)
  if not is_a(call.tree, o, "pipe") then return { "no", "closed" } end
  adopt_all(call.tree, call.member, o)
  redis.call("SADD", call.tree .. "holds:" .. call.member, o)
  return { "ok" }
end)

-- pipeWrite o bytes → ok | later, until there is room | no closed: nobody reads any more. Where the engine is full, too: a pipe
-- has little in it, and what was written once is not to be lost.
step("pipeWrite", { "allow-oom" }, function(call, o, bytes)
  local key = key_of(call.tree, o)
  if not is_a(call.tree, o, "pipe") or redis.call("HEXISTS", key, "closed") == 1 then return { "no", "closed" } end
  local reader = redis.call("GET", key .. ":r")
  if reader then
    redis.call("DEL", key .. ":r")
    answer(call.tree, o, reader, { "ok", bytes })
    return { "ok" }
  end
  redis.call("RPUSH", key .. ":d", bytes)
  if redis.call("HINCRBY", key, "size", #bytes) < output.PIPE_MOST then return { "ok" } end
  redis.call("RPUSH", key .. ":w", call.waiter)
  return later(call, o)
end)

-- pipeEnd o → ok. By the writer: nothing more comes.
step("pipeEnd", { "allow-oom" }, function(call, o)
  redis.call("SREM", call.tree .. "holds:" .. call.member, o)
  if is_a(call.tree, o, "pipe") then
    output.finish(call.tree, o)
    release_all(call.tree, call.member, o)
  end
  return { "ok" }
end)

-- pipeRead o → ok bytes | later | ok "": that was the end.
step("pipeRead", { "allow-oom" }, function(call, o)
  if not is_a(call.tree, o, "pipe") then return { "ok", "" } end
  local key = key_of(call.tree, o)
  local bytes = redis.call("LPOP", key .. ":d")
  if not bytes then
    if redis.call("HEXISTS", key, "ended") == 1 then return { "ok", "" } end
    redis.call("SET", key .. ":r", call.waiter)
    return later(call, o)
  end
  if redis.call("HINCRBY", key, "size", -#bytes) < output.PIPE_MOST then
    for _, writer in ipairs(redis.call("LRANGE", key .. ":w", 0, -1)) do answer(call.tree, o, writer, { "ok" }) end
    redis.call("DEL", key .. ":w")
  end
  return { "ok", bytes }
end)

-- pipeClose o → ok. By the reader: who writes is told so.
step("pipeClose", { "allow-oom" }, function(call, o)
  if not is_a(call.tree, o, "pipe") then return { "ok" } end
  local key = key_of(call.tree, o)
  redis.call("HSET", key, "closed", "1", "size", "0")
  redis.call("DEL", key .. ":d")
  for _, writer in ipairs(redis.call("LRANGE", key .. ":w", 0, -1)) do answer(call.tree, o, writer, { "no", "closed" }) end
  redis.call("DEL", key .. ":w")
  return { "ok" }
end)
