-- Lines: those who wait for an object, in the order in which they came; and what steps have in common that look at the
-- arguments of a stranger before they write.
--
-- | key           | what |
-- | ------------- | ---- |
-- | o:<o>         | field `came`: how many have ever stood in one of its lines |
-- | o:<o>:w, …    | sorted set: waiters by the number with which they came |
--
-- L1. A waiter stands in `waits:<m>` of its member for as long as it stands in a line, and is taken out of both by
--     `answer`, by the `cancel` of its kind, or at its burial.
-- L2. Whoever is next in a line lives: the dead are passed over, and their burial takes them out of the rest.

local line = {}

-- Whether a text may name an object, a thread or a count: a whole number that Lua keeps exactly.
local function is_whole(it)
  return type(it) == "string" and #it <= 15 and it:match("^%d+$") ~= nil
end

-- The fields of an object of one of these kinds, its kind first; nil if there is none.
local function fields_of(tree, o, wanted, ...)
  if not is_whole(o) then return nil end
  local got = redis.call("HMGET", key_of(tree, o), "kind", ...)
  if not got[1] or not wanted[got[1]] then return nil end
  return got
end

local function lives(tree, member)
  return redis.call("HEXISTS", tree .. "alive", member) == 1
end

-- Who a member is and how it ended, for those whom that concerns: pid, name, how, host.
local function obituary(tree, member, how)
  local it = redis.call("HMGET", tree .. "p:" .. member, "pid", "name", "host")
  return { it[1] or "", it[2] or "", how or "", it[3] or "" }
end

-- The same of nobody.
local NOBODY = { "", "", "", "" }

-- A list with further ones behind it.
local function joined(list, ...)
  for _, further in ipairs({ ... }) do
    for _, it in ipairs(further) do list[#list + 1] = it end
  end
  return list
end

-- Puts a waiter at the end; the number with which it came.
function line.join(tree, o, ending, waiter)
  local came = redis.call("HINCRBY", key_of(tree, o), "came", 1)
  redis.call("ZADD", key_of(tree, o) .. ending, text(came), waiter)
  return came
end

-- Takes one out; whether it stood there.
function line.leave(tree, o, ending, waiter)
  return redis.call("ZREM", key_of(tree, o) .. ending, waiter) == 1
end

-- Takes out the first that lives, and gives it and the number with which it came; nil if there is none.
function line.next(tree, o, ending)
  while true do
    local first = redis.call("ZPOPMIN", key_of(tree, o) .. ending)
    if not first[1] then return nil end
    local member = parts_of(first[1])
    if lives(tree, member) then return first[1], tonumber(first[2]) end
  end
end

-- Tells all that live the same, and nobody stands there any more.
function line.answer_all(tree, o, ending, outcome)
  local waiter = line.next(tree, o, ending)
  while waiter do
    answer(tree, o, waiter, outcome)
    waiter = line.next(tree, o, ending)
  end
end

function line.length(tree, o, ending)
  return redis.call("ZCARD", key_of(tree, o) .. ending)
end
