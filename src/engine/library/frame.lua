-- The frame of every step, and how a step that cannot be done yet is answered later.
--
-- A step is one call of one function: FCALL mp_<version>_<step> 1 mp:{<tree>}: member lane number low argument…
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
-- | key        | what |
-- | ---------- | ---- |
-- | rq:<m>/<l> | the ledger of a lane. Of lane 0, whose steps are many at a time: a hash, answers by their numbers, `low`, and |
-- |            | `top`, the highest that was done. Of a thread that blocks, which has read every answer but the last: a text, |
-- |            | `<number>;<took>;<answer>`; `took`: see records.lua |
-- | mb:<m>/<l> | the mailbox of a lane, a stream: `n <number> r <part> …`, and for lane 0 `e <event> r <part> …` |
--
-- What a step costs is the calls of commands that it makes, those of the frame among them: two. So a ledger says, too, that its
-- member lives: a burial takes away what says so.

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

-- Why a member can do nothing in a tree.
local function refusal(tree, member)
  local lapsed = redis.call("HGET", tree .. "tree", "lapsed")
  if lapsed then return { "gone", lapsed } end
  if redis.call("EXISTS", tree .. "tree") == 0 then return { "gone" } end
  return { "fenced", redis.call("HGET", tree .. "dead", member) or "" }
end

-- Milliseconds as a text, without a number in between: that takes longer than the command.
local function now_as_text()
  local time = redis.call("TIME")
  return time[1] .. ("00000" .. time[2]):sub(-6, -4)
end

-- What many steps answer, packed: { "ok" }.
local DONE = "\145\162ok"

-- Whether a member was buried by what is done now: whoever buries somebody says so.
local someone_was_buried = false

local function is_alive(tree, member)
  return redis.call("HEXISTS", tree .. "alive", member) == 1
end

local ledger = {}

function ledger.key(tree, member, lane)
  return tree .. "rq:" .. member .. "/" .. lane
end

-- The ledger of a thread that blocks: the number of its last step, and behind that what it took, and the answer.
function ledger.last(tree, member, lane)
  return (redis.call("GET", ledger.key(tree, member, lane)) or ""):match("^x?(%d+);([^;]*);(.*)$")
end

-- The highest step of a lane that was done.
function ledger.top(tree, member, lane)
  if lane == "0" then return redis.call("HGET", ledger.key(tree, member, lane), "top") or "0" end
  return redis.call("GETRANGE", ledger.key(tree, member, lane), "0", "16"):match("^x?(%d+);") or "0"
end

-- A lane can do nothing more, since its member is dead; what it took is still known.
function ledger.fence(tree, member, lane)
  local key = ledger.key(tree, member, lane)
  if lane == "0" then return redis.call("HDEL", key, "low") end
  local known = redis.call("GET", key)
  if known and known:sub(1, 1) ~= "x" then redis.call("SET", key, "x" .. known, "KEEPTTL") end
end

-- What a thread took last, which nobody needs to know any more.
function ledger.forget_take(tree, member, lane)
  local key = ledger.key(tree, member, lane)
  local x, number, answer = (redis.call("GET", key) or ""):match("^(x?)(%d+);[^;]*;(.*)$")
  if x then redis.call("SET", key, x .. number .. ";;" .. answer, "KEEPTTL") end
end

-- Removes what a lane has answers of. A lane that says it has those of millions of steps, which it may, costs no more than
-- what there is.
local function forget_below(key, from, low)
  local old = {}
  if low - from <= 1000 then
    for number = from, low - 1 do old[#old + 1] = text(number) end
  else
    for _, field in ipairs(redis.call("HKEYS", key)) do
      local number = tonumber(field)
      if number and number < low then old[#old + 1] = field end
    end
  end
  for i = 1, #old, 1000 do redis.call("HDEL", key, unpack(old, i, math.min(i + 999, #old))) end
end

-- A step of a thread that blocks, whose lane has one under way.
local function step_of_thread(run, args, call, key)
  local number = call.number
  local last = redis.call("GETRANGE", key, "0", "16"):match("^(%d+);")
  if not last then
    if not is_alive(call.tree, call.member) then return refusal(call.tree, call.member) end
    redis.call("SADD", call.tree .. "lanes:" .. call.member, call.lane)
  elseif last == number then
    local _, _, answer = ledger.last(call.tree, call.member, call.lane)
    return cmsgpack.unpack(answer)
  elseif tonumber(number) < tonumber(last) then
    return { "stale" }
  end
  local answer = run(call, unpack(args, 5))
  if someone_was_buried and not is_alive(call.tree, call.member) then return answer end
  local bytes = answer[1] == "ok" and #answer == 1 and DONE or bytes_of(answer)
  redis.call("SET", key, number .. ";" .. (call.took or "") .. ";" .. bytes, "KEEPTTL")
  return answer
end

-- A step of promises, whose lane may have many under way.
local function step_of_promises(run, args, call, key)
  local number = call.number
  local known = redis.call("HMGET", key, "low", number, "top")
  local n, low, from = tonumber(number), math.min(tonumber(args[4]), tonumber(number)), tonumber(known[1] or "1")
  if not known[1] and not is_alive(call.tree, call.member) then return refusal(call.tree, call.member) end
  if n < from then return { "stale" } end
  if known[2] then return cmsgpack.unpack(known[2]) end
  if not known[1] then redis.call("SADD", call.tree .. "lanes:" .. call.member, call.lane) end
  if low > from then forget_below(key, from, low) else low = from end
  local answer = run(call, unpack(args, 5))
  if someone_was_buried and not is_alive(call.tree, call.member) then return answer end
  local bytes = answer[1] == "ok" and #answer == 1 and DONE or bytes_of(answer)
  -- A later one may have been done before: while the engine refused this one, or the caller had given it up.
  local top = known[3] and tonumber(known[3]) > n and known[3] or number
  redis.call("HSET", key, "low", low == n and number or text(low), "top", top, number, bytes)
  return answer
end

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
        local it = args[i]
        if not it or it == "" or #it > 15 or it:find("%D") then return { "no", "malformed" } end
      end
      someone_was_buried = false
      local of = member .. "/" .. lane
      local call = { tree = tree, member = member, lane = lane, number = number, waiter = of .. "#" .. number }
      return (lane == "0" and step_of_promises or step_of_thread)(run, args, call, tree .. "rq:" .. of)
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
