-- The frame of every step, and how a step that cannot be done yet is answered later.
--
-- A step is one call of one function: FCALL mp_0_1_<step> 1 mp:{<tree>}: member lane number low argument…
-- Its answer is a list of texts. The first says what became of it:
--
-- | answer      | meaning |
-- | ----------- | ------- |
-- | ok …        | done |
-- | no why …    | what the object is in does not allow it, and nothing was changed |
-- | later       | the outcome comes in the mailbox of the lane, under the number of the step |
-- | gone why    | there is no such tree, or it has lapsed (lapse.lua) |
-- | fenced how  | the member was buried |
-- | stale       | an old copy of a step, sent by a connection that was given up |
--
-- A lane numbers its steps from 1. What a step has answered is kept under its number (the ledger) until the lane says
-- that it has read that, by the lowest number that it has no answer of. So a step that is sent again is done once.
--
-- | key          | what |
-- | ------------ | ---- |
-- | rq:<m>/<l>   | the ledger of a lane, a hash: answers by their numbers; `low`; `top`, the highest that was done; `large`: |
-- |              | whose answer takes much room; `took`: see records.lua |
-- | mb:<m>/<l>   | the mailbox of a lane, a stream: `n <number> r <part> …`, and for lane 0 `e <event> r <part> …` |
--
-- Each call of a command costs as much as the command, so a step makes few of its own: two. A ledger that has `low` is that of
-- a member that lives, since its burial takes that away. And answers that were read stay until there are some of them.

local PREFIX = "mp_0_1_"

-- What each kind of object does: see objects.lua.
local kinds = {}

local function bytes_of(list)
  return cmsgpack.pack(list)
end

-- Milliseconds, by the clock of the engine, which is the only one that counts.
local function now()
  local time = redis.call("TIME")
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- A whole number as text: Lua would write large ones as 1e+15.
local function text(number)
  return string.format("%.0f", number)
end

-- A function that is done again where it is called again.
local function look(name, flags, run)
  redis.register_function({
    function_name = PREFIX .. name,
    flags = flags,
    callback = function(keys, args)
      return run(keys[1], unpack(args))
    end,
  })
end

-- Answers that were read are removed so many at a time; and at once what takes more bytes.
local SOME, LARGE = 8, 1024

-- Why a member can do nothing in a tree.
local function refusal(tree, member)
  local lapsed = redis.call("HGET", tree .. "tree", "lapsed")
  if lapsed then return { "gone", lapsed } end
  if redis.call("EXISTS", tree .. "tree") == 0 then return { "gone" } end
  return { "fenced", redis.call("HGET", tree .. "dead", member) or "" }
end

-- Removes what a lane has answers of. A lane that says it has those of millions of steps, which it may, costs no more than
-- what there is. `large` had been the last large one.
local function forget_below(ledger, from, low, large)
  local first, last = from - from % SOME, low - low % SOME - 1
  if large and tonumber(large) < low then redis.call("HDEL", ledger, large, "large") end
  if last < first then return end
  local old = {}
  if last - first < 1000 then
    for number = first, last do old[#old + 1] = text(number) end
  else
    for _, field in ipairs(redis.call("HKEYS", ledger)) do
      local number = tonumber(field)
      if number and number <= last then old[#old + 1] = field end
    end
  end
  for i = 1, #old, 1000 do redis.call("HDEL", ledger, unpack(old, i, math.min(i + 999, #old))) end
end

-- Whether a member was buried by what is done now: whoever buries somebody says so.
local someone_was_buried = false

-- A step: done exactly once. `run` is given the call and the arguments.
--
-- A call is { tree, member, lane, number, waiter, took }: the last is set where a queue has given something (records.lua).
local function step(name, flags, run)
  redis.register_function({
    function_name = PREFIX .. name,
    flags = flags,
    callback = function(keys, args)
      local tree, member, lane, number = keys[1], args[1], args[2], args[3]
      for i = 1, 4 do
        if not (args[i] or ""):match("^%d+$") or #args[i] > 15 then return { "no", "malformed" } end
      end
      local ledger = tree .. "rq:" .. member .. "/" .. lane
      local known = redis.call("HMGET", ledger, "low", number, "large")
      if not known[1] and redis.call("HEXISTS", tree .. "alive", member) == 0 then return refusal(tree, member) end
      local n, low, from = tonumber(number), math.min(tonumber(args[4]), tonumber(number)), tonumber(known[1] or "1")
      if n < from then return { "stale" } end
      if known[2] then return cmsgpack.unpack(known[2]) end
      if not known[1] then redis.call("SADD", tree .. "lanes:" .. member, lane) end
      if low > from then forget_below(ledger, from, low, known[3]) else low = from end
      local call = {
        tree = tree, member = member, lane = lane, number = number, waiter = member .. "/" .. lane .. "#" .. number,
      }
      someone_was_buried = false
      local answer = run(call, unpack(args, 5))
      if someone_was_buried and redis.call("HEXISTS", tree .. "alive", member) == 0 then return answer end
      local bytes = bytes_of(answer)
      local further = {}
      if #bytes > LARGE then further[1], further[2] = "large", number end
      if call.took then further[#further + 1], further[#further + 2] = "took", number .. ":" .. call.took end
      redis.call("HSET", ledger, "low", text(low), "top", number, number, bytes, unpack(further))
      return answer
    end,
  })
end

-- Wakes whoever reads the mailbox of a lane, since it is to stop. A mailbox of a member that is not alive goes soon.
look("nudge", { "allow-oom" }, function(tree, member, lane)
  local mailbox = tree .. "mb:" .. member .. "/" .. lane
  redis.call("XADD", mailbox, "*", "x", "")
  if redis.call("HEXISTS", tree .. "alive", member) == 0 then redis.call("PEXPIRE", mailbox, 1000) end
  return { "ok" }
end)

-- Notes that the call waits for an object; the kind of object notes where.
local function later(call, object)
  redis.call("SADD", call.tree .. "waits:" .. call.member, object .. "|" .. call.waiter)
  return { "later" }
end

local function parts_of(waiter)
  return waiter:match("^(%d+)/(%d+)#(%d+)$")
end

-- Tells a waiter the outcome.
local function answer(tree, object, waiter, outcome)
  local member, lane, number = parts_of(waiter)
  redis.call("SREM", tree .. "waits:" .. member, object .. "|" .. waiter)
  local fields = { "n", number }
  for _, it in ipairs(outcome) do
    fields[#fields + 1] = "r"
    fields[#fields + 1] = it
  end
  redis.call("XADD", tree .. "mb:" .. member .. "/" .. lane, "*", unpack(fields))
end

-- Tells a member of what has happened, without having been asked. The dead are told nothing.
local function tell(tree, member, event, ...)
  if redis.call("HEXISTS", tree .. "alive", member) == 0 then return end
  local fields = { "e", event }
  for _, it in ipairs({ ... }) do
    fields[#fields + 1] = "r"
    fields[#fields + 1] = it
  end
  redis.call("XADD", tree .. "mb:" .. member .. "/0", "*", unpack(fields))
end
