-- Value and Array: bytes, and the lock that guards them.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<o>   | hash: `code` of the type; `lock`, the object that guards it, or empty; `own`: whether that was made for it |
-- | o:<o>:b | the bytes (cells.lua) |
--
-- | step                     | the lock is free | held            | its holder has died |
-- | ------------------------ | ---------------- | --------------- | ------------------- |
-- | peek o offset size       | gives bytes      | no held         | no died |
-- | poke o offset bytes …    | writes           | no held         | no died |
-- | read, write, likewise    | done             | done            | done |
--
-- Nothing happens to a value when a member is buried: what its lock tells the next one is the lock's matter.

kinds.value = {
  keys = { ":b" },

  -- make value name code size bytes lock own: `size` bytes, zeroes behind those that are given.
  make = function(call, o, code, size, bytes, lock, own)
    local key = key_of(call.tree, o)
    local count = tonumber(size)
    redis.call("HSET", key, "code", code, "size", size, "lock", lock, "own", own)
    redis.call("SET", key .. ":b", bytes)
    if count > #bytes then redis.call("SETRANGE", key .. ":b", text(count - 1), "\0") end
    if lock ~= "" then
      hold(call.tree, lock)
      if own == "1" and count <= cells.most then redis.call("HSET", key_of(call.tree, lock), "cell", o) end
    end
  end,

  check = function(call, code, size, bytes, lock, own)
    local count = tonumber(size)
    if not code or not count or count < 0 or count % 1 ~= 0 or not bytes or #bytes > count then return "malformed" end
    if count > 512 * 1024 * 1024 then return "size" end
    if lock ~= "" and redis.call("EXISTS", key_of(call.tree, lock)) == 0 then return "gone" end
  end,

  cancel = function() end,

  destroy = function(tree, o)
    local lock = redis.call("HGET", key_of(tree, o), "lock")
    if lock and lock ~= "" then unhold(tree, lock) end
  end,
}

do
  -- Why the value cannot be used; nil if it can. `freely`: only while nobody holds its lock.
  local function refusal(tree, o, freely)
    local state = redis.call("HMGET", key_of(tree, o), "kind", "lock")
    if state[1] ~= "value" then return "gone" end
    if not freely or state[2] == "" then return nil end
    local lock = redis.call("HMGET", key_of(tree, state[2]), "owner", "died")
    if lock[1] and lock[1] ~= "" then return "held" end
    if lock[2] and lock[2] ~= "" then return "died" end
  end

  local function reading(freely)
    return function(call, o, offset, size)
      local why = refusal(call.tree, o, freely)
      if why then return { "no", why } end
      local bytes = cells.read(call.tree, o, tonumber(offset), tonumber(size))
      return bytes and { "ok", bytes } or { "no", "range" }
    end
  end

  local function writing(freely)
    return function(call, o, ...)
      local why = refusal(call.tree, o, freely)
      if why then return { "no", why } end
      return cells.write(call.tree, o, ...) and { "ok" } or { "no", "range" }
    end
  end

  -- peek o offset size → ok bytes | no held | no died | no range | no gone
  step("peek", { "allow-oom" }, reading(true))
  -- poke o (offset bytes)… → ok | no held | no died | no range | no gone
  step("poke", {}, writing(true))
  -- read o offset size → ok bytes | no range | no gone: whoever holds the lock.
  step("read", { "allow-oom" }, reading(false))
  -- write o (offset bytes)… → ok | no range | no gone
  step("write", {}, writing(false))
end
