-- Objects: made, shared, waited for, and given up. An object lives while a member or a message has it.
--
-- | key         | what |
-- | ----------- | ---- |
-- | o:<o>       | hash: `kind`, `name`, and the state that its kind keeps |
-- | o:<o>:…     | lists of its kind |
-- | refs:<o>    | how many members and messages have it |
-- | all         | the objects that there are |
-- | has:<m>     | hash: how often each object has arrived at a member: made there, or in a message given to it |
-- | waits:<m>   | what it waits for, each `<object>|<waiter>` |
--
-- A kind is kinds[name] = {
--   check(call, …)               why it cannot be made so, before anything is written; may be absent
--   make(call, o, …)             writes the first state; gives what is answered behind the id
--   cancel(tree, o, waiter, how, final) takes a waiter out of its lists; `how` its member died, if it did. True: the waiter is
--                                answered later all the same
--   bury(tree, o, member, how)   what follows for it when a member dies that held something of it (`holds:<m>`)
--   keys = { ":w", … }           the ends of its further keys
--   let_go(tree, o)              somebody has given it up, but not the last one; may be absent
--   destroy(tree, o)             gives up what it has besides; may be absent
-- }
--
-- What a message speaks of is a text of ids with a space between them, empty for none. Whoever keeps a message has them
-- (hold_all … unhold_all); whoever gives it to a member adopts them for it in the same step, before they are let go.

-- The key of an object. What is no number names none: not the list of a queue, `3:r`, either.
local function key_of(tree, o)
  return tree .. "o:" .. (o and not string.find(o, "%D") and o or "-")
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
  if not kind then return redis.call("UNLINK", tree .. "refs:" .. o) end
  if kind.destroy then kind.destroy(tree, o) end
  local keys = { key_of(tree, o), tree .. "refs:" .. o }
  for _, ending in ipairs(kind.keys or {}) do keys[#keys + 1] = key_of(tree, o) .. ending end
  redis.call("SREM", tree .. "all", o)
  redis.call("UNLINK", unpack(keys))
end

local function unhold(tree, o)
  if redis.call("DECR", tree .. "refs:" .. o) <= 0 then return destroy(tree, o) end
  local kind = kind_of(tree, o)
  if kind and kind.let_go then kind.let_go(tree, o) end
end

local function adopt(tree, member, o)
  if redis.call("HINCRBY", tree .. "has:" .. member, o, 1) == 1 then hold(tree, o) end
end

local function release(tree, member, o, arrivals)
  local has = tree .. "has:" .. member
  local count = tonumber(redis.call("HGET", has, o) or "0")
  if count == 0 then return end
  if count > arrivals then
    redis.call("HINCRBY", has, o, -arrivals)
  else
    redis.call("HDEL", has, o)
    unhold(tree, o)
  end
end

-- Whether there is such an object of one of the kinds given. A step looks at this before it writes anything.
local function is_a(tree, o, ...)
  local name = redis.call("HGET", key_of(tree, o), "kind")
  for _, kind in ipairs({ ... }) do
    if name == kind then return true end
  end
  return false
end

-- The first of a message's objects that there is not, if there is one.
local function missing(tree, objects)
  for o in objects:gmatch("%d+") do
    if redis.call("EXISTS", key_of(tree, o)) == 0 then return o end
  end
end

local function hold_all(tree, objects)
  for o in objects:gmatch("%d+") do hold(tree, o) end
end

local function unhold_all(tree, objects)
  for o in objects:gmatch("%d+") do unhold(tree, o) end
end

local function adopt_all(tree, member, objects)
  for o in objects:gmatch("%d+") do adopt(tree, member, o) end
end

local function release_all(tree, member, objects)
  for o in objects:gmatch("%d+") do release(tree, member, o, 1) end
end

-- make kind name … → ok id … | no kind | no <what its kind's check says>
step("make", {}, function(call, kind, name, ...)
  if not kinds[kind] or not name then return { "no", "kind" } end
  local why = kinds[kind].check and kinds[kind].check(call, ...)
  if why then return { "no", why } end
  local o = text(redis.call("INCR", call.tree .. "objects"))
  redis.call("HSET", key_of(call.tree, o), "kind", kind, "name", name)
  redis.call("SADD", call.tree .. "all", o)
  adopt(call.tree, call.member, o)
  return { "ok", o, unpack(kinds[kind].make(call, o, ...) or {}) }
end)

-- adopt o… → ok | no gone o. The member has these objects from now on, each once more.
step("adopt", {}, function(call, ...)
  local objects = table.concat({ ... }, " ")
  local gone = missing(call.tree, objects)
  if gone then return { "no", "gone", gone } end
  adopt_all(call.tree, call.member, objects)
  return { "ok" }
end)

-- close o arrivals … → ok. Gives up so many arrivals of each object; with the last one, the member has it no more.
step("close", { "allow-oom" }, function(call, ...)
  local parts = { ... }
  for i = 1, #parts - 1, 2 do
    if parts[i]:match("^%d+$") then release(call.tree, call.member, parts[i], tonumber(parts[i + 1]) or 1) end
  end
  return { "ok" }
end)

-- cancel o number [final] → ok cancelled | ok answered. Stops the wait that a step of this lane has begun. Where it was
-- answered just then, the outcome is in the mailbox. `final`: whoever waited has gone on, and wants no outcome.
step("cancel", { "allow-oom" }, function(call, o, number, final)
  local waiter = call.member .. "/" .. call.lane .. "#" .. number
  local waits, wait = call.tree .. "waits:" .. call.member, o .. "|" .. waiter
  if redis.call("SISMEMBER", waits, wait) == 0 then
    -- What a queue has given by it is still to be read.
    if call.lane ~= "0" then
      local _, took = ledger.last(call.tree, call.member, call.lane)
      if took == o .. ":" .. number then call.took = took end
    end
    return { "ok", "answered" }
  end
  local kind = kind_of(call.tree, o)
  -- It may be answered later all the same, as a condition's wait, which must have its lock again.
  if kind and kind.cancel(call.tree, o, waiter, nil, final) then return { "ok", "answered" } end
  redis.call("SREM", waits, wait)
  return { "ok", "cancelled" }
end)
