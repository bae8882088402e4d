-- Objects: made, shared, waited for, and given up. An object lives while a member or a message has it.
--
-- | key         | what |
-- | ----------- | ---- |
-- | o:<o>       | hash: `kind`, `name`, and the state that its kind keeps |
-- | o:<o>:…     | lists of its kind |
-- | refs:<o>    | how many members and messages have it |
-- | has:<m>     | the objects that a member has |
-- | waits:<m>   | what it waits for, each `<object>|<waiter>` |
--
-- A kind is kinds[name] = {
--   check(call, …)               why it cannot be made so, before anything is written; may be absent
--   make(call, o, …)             writes the first state; gives what is answered behind the id
--   cancel(tree, o, waiter)      takes a waiter out of its lists
--   bury(tree, o, member, how)   what follows for it when a member dies that held something of it (`holds:<m>`)
--   keys = { ":w", … }           the ends of its further keys
--   destroy(tree, o)             gives up what it has besides; may be absent
-- }

local function key_of(tree, o)
  return tree .. "o:" .. o
end

local function kind_of(tree, o)
  local name = redis.call("HGET", key_of(tree, o), "kind")
  return name and kinds[name]
end

local function hold(tree, o)
  redis.call("INCR", tree .. "refs:" .. o)
end

local function destroy(tree, o)
  local kind = kind_of(tree, o)
  if not kind then return end
  if kind.destroy then kind.destroy(tree, o) end
  local keys = { key_of(tree, o), tree .. "refs:" .. o }
  for _, ending in ipairs(kind.keys or {}) do keys[#keys + 1] = key_of(tree, o) .. ending end
  redis.call("UNLINK", unpack(keys))
end

local function unhold(tree, o)
  if redis.call("DECR", tree .. "refs:" .. o) <= 0 then destroy(tree, o) end
end

local function adopt(tree, member, o)
  if redis.call("SADD", tree .. "has:" .. member, o) == 1 then hold(tree, o) end
end

local function release(tree, member, o)
  if redis.call("SREM", tree .. "has:" .. member, o) == 1 then unhold(tree, o) end
end

-- make kind name … → ok id … | no kind | no <what its kind's check says>
step("make", {}, function(call, kind, name, ...)
  if not kinds[kind] or not name then return { "no", "kind" } end
  local why = kinds[kind].check and kinds[kind].check(call, ...)
  if why then return { "no", why } end
  local o = text(redis.call("INCR", call.tree .. "objects"))
  redis.call("HSET", key_of(call.tree, o), "kind", kind, "name", name)
  adopt(call.tree, call.member, o)
  return { "ok", o, unpack(kinds[kind].make(call, o, ...) or {}) }
end)

-- adopt o… → ok | no gone o. Handles of objects that came in a message; the message has them until then.
step("adopt", {}, function(call, ...)
  for _, o in ipairs({ ... }) do
    if redis.call("EXISTS", key_of(call.tree, o)) == 0 then return { "no", "gone", o } end
  end
  for _, o in ipairs({ ... }) do adopt(call.tree, call.member, o) end
  return { "ok" }
end)

-- release o… → ok
step("close", { "allow-oom" }, function(call, ...)
  for _, o in ipairs({ ... }) do release(call.tree, call.member, o) end
  return { "ok" }
end)

-- cancel o number → ok cancelled | ok answered. Stops the wait that a step of this lane has begun. Where it was answered
-- just then, the outcome is in the mailbox.
step("cancel", { "allow-oom" }, function(call, o, number)
  local waiter = call.member .. "/" .. call.lane .. "#" .. number
  if redis.call("SREM", call.tree .. "waits:" .. call.member, o .. "|" .. waiter) == 0 then return { "ok", "answered" } end
  local kind = kind_of(call.tree, o)
  if kind then kind.cancel(call.tree, o, waiter) end
  return { "ok", "cancelled" }
end)
