-- Pools: tasks that wait for workers, and who has begun which. The books of a pool are its maker's (src/pool/engine.ts);
-- here is what its workers and it must see alike.
--
-- | field of o:<o> | what |
-- | -------------- | ---- |
-- | owner          | the member that made it |
-- | wide           | "1" if a worker runs several tasks at a time |
-- | shut           | "1" once its owner has closed it, or has died |
--
-- | key       | what |
-- | --------- | ---- |
-- | o:<o>:l   | list: the tasks that wait, each a record |
-- | o:<o>:r   | hash: the records of the tasks that are offered |
-- | o:<o>:o   | hash: of each task that is offered, the worker |
-- | o:<o>:b   | hash: of each task that is begun, the worker |
-- | o:<o>:n   | hash: how many tasks each worker runs, of a wide pool |
-- | o:<o>:c   | hash: of each begun task that is not wanted any more, why |
-- | o:<o>:m   | hash: the member that each worker is |
-- | o:<o>:w   | list: the workers that wait for a task |
-- | o:<o>:p   | hash: their waiters, and those of the workers that wait to be told to end |
-- | o:<o>:s   | set: the workers that are to end |
-- | o:<o>:e   | set: the workers whose end was told |
-- | o:<o>:f   | hash: the functions that tasks are run with, by their numbers |
-- | o:<o>:y   | hash: who waits for one |
-- | o:<o>:u   | hash: how many reports of each worker its owner has not read |
-- | o:<o>:h   | hash: the workers that wait until it has |
--
-- A task, by its number, which no other task of the pool ever has:
--
-- | state   | by                                      | goes on to |
-- | ------- | --------------------------------------- | ---------- |
-- |         | pool_put                                | waiting; offered, if a worker waits |
-- | waiting | pool_next of a worker that is there      | begun |
-- | waiting | pool_put, pool_gone: a worker waits      | offered |
-- | waiting, offered | pool_back                       | nothing: the owner has it again |
-- | offered | pool_begin                              | begun |
-- | offered | the end of that worker                  | waiting, before all others |
-- | begun   | pool_next with its result, of that worker | done: the owner is told, once |
-- | begun   | the end of that worker                  | lost: the owner is told |
--
-- To be offered is not to be begun: a worker whose host is lost counts as alive until its lease is over, and what it is
-- given meanwhile has not been run. A worker that asks is there, and begins what it gets.
--
-- A worker: entered by pool_enter, which its member must do itself; it ends with its member, or when the owner says that
-- its process has ended (pool_gone). Its end is told once. A shut pool gives no tasks, and its workers end themselves.
--
-- The owner is told, in the order in which it happens: "pool" o worker begun memory frame objects, where a part is empty
-- that says nothing; "pool.gone" o worker and the tasks that it had begun, with commas between them (pool_ends.lua).

local pools = {}

kinds.pool = {
  keys = { ":l", ":r", ":o", ":b", ":n", ":c", ":m", ":w", ":p", ":s", ":e", ":f", ":y", ":u", ":h" },
}

function kinds.pool.make(call, o, wide)
  redis.call("HSET", key_of(call.tree, o), "owner", call.member, "wide", wide == "1" and "1" or "0")
  redis.call("SADD", call.tree .. "holds:" .. call.member, o)
end

-- The owner, if the pool goes on and the worker is that member; nil if not.
function pools.owner_for(call, o, w)
  if not is_a(call.tree, o, "pool") then return nil end
  local key = key_of(call.tree, o)
  if redis.call("HGET", key .. ":m", w) ~= call.member then return nil end
  local fields = redis.call("HMGET", key, "owner", "shut", "wide")
  if fields[2] then return nil end
  return fields[1], fields[3] == "1"
end

-- The waiting worker that runs the fewest tasks, of those that came first; nil if none waits. It does not wait any more.
function pools.next_worker(tree, o)
  local key = key_of(tree, o)
  while true do
    local w
    if redis.call("HGET", key, "wide") == "1" then
      local least
      for _, other in ipairs(redis.call("LRANGE", key .. ":w", 0, -1)) do
        local runs = tonumber(redis.call("HGET", key .. ":n", other) or "0")
        if not least or runs < least then w, least = other, runs end
      end
      if w then redis.call("LREM", key .. ":w", 1, w) end
    else
      w = redis.call("LPOP", key .. ":w")
    end
    if not w then return nil end
    local waiter, member = redis.call("HGET", key .. ":p", w), redis.call("HGET", key .. ":m", w)
    redis.call("HDEL", key .. ":p", w)
    -- The dead are passed over; their burial does the rest.
    if waiter and member and members.lives(tree, member) then return w, waiter, member end
  end
end

-- Offers a task to a worker that waits; whether there is one.
function pools.offer(tree, o, record)
  local w, waiter, member = pools.next_worker(tree, o)
  if not w then return false end
  local key, parts = key_of(tree, o), cmsgpack.unpack(record)
  redis.call("HSET", key .. ":o", parts[1], w)
  redis.call("HSET", key .. ":r", parts[1], record)
  adopt_all(tree, member, parts[3])
  answer(tree, o, waiter, { "ok", "offer", parts[1], parts[2], parts[3] })
  return true
end

function pools.begin(tree, o, number, w, wide)
  redis.call("HSET", key_of(tree, o) .. ":b", number, w)
  if wide then redis.call("HINCRBY", key_of(tree, o) .. ":n", w, 1) end
end

-- A worker that waits is told something else than a task.
function pools.tell_waiting(tree, o, w, outcome)
  local key = key_of(tree, o)
  local waiter = redis.call("HGET", key .. ":p", w)
  if not waiter then return end
  redis.call("HDEL", key .. ":p", w)
  redis.call("LREM", key .. ":w", 0, w)
  answer(tree, o, waiter, outcome)
end

-- pool_put o (number frame objects)… → ok | no gone …
step("pool_put", {}, function(call, o, ...)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  local key, parts = key_of(call.tree, o), { ... }
  for i = 3, #parts, 3 do
    local gone = missing(call.tree, parts[i])
    if gone then return { "no", "gone", gone } end
  end
  for i = 1, #parts - 2, 3 do
    local record = cmsgpack.pack({ parts[i], parts[i + 1], parts[i + 2] })
    hold_all(call.tree, parts[i + 2])
    if redis.call("EXISTS", key .. ":w") == 0 or not pools.offer(call.tree, o, record) then
      redis.call("RPUSH", key .. ":l", record)
    end
  end
  return { "ok" }
end)

-- pool_back o → ok count number… (worker number)…: the owner takes back all that no worker has begun, `count` of them;
-- behind them is what each worker runs.
step("pool_back", { "allow-oom" }, function(call, o)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  local key = key_of(call.tree, o)
  local numbers = redis.call("HKEYS", key .. ":o")
  for _, record in ipairs(redis.call("LRANGE", key .. ":l", 0, -1)) do
    numbers[#numbers + 1] = cmsgpack.unpack(record)[1]
  end
  local told = { "ok", text(#numbers) }
  for _, number in ipairs(numbers) do told[#told + 1] = number end
  local begun = redis.call("HGETALL", key .. ":b")
  for i = 1, #begun, 2 do
    told[#told + 1] = begun[i + 1]
    told[#told + 1] = begun[i]
  end
  pools.forget(call.tree, o)
  return told
end)

-- pool_enter o worker → ok | no gone: this member is that worker from now on.
step("pool_enter", {}, function(call, o, w)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  local key = key_of(call.tree, o)
  if redis.call("HEXISTS", key, "shut") == 1 or redis.call("SISMEMBER", key .. ":e", w) == 1 then
    return { "no", "gone" }
  end
  if redis.call("HSETNX", key .. ":m", w, call.member) == 0 then return { "no", "gone" } end
  redis.call("SADD", call.tree .. "holds:" .. call.member, o)
  adopt(call.tree, call.member, o)
  return { "ok" }
end)

-- pool_next o worker how memory [number frame objects] → ok task number frame objects, which is begun
--   | ok offer number frame objects | ok stop | ok none | later | no gone | no unbegun
-- With the answer to a task that it has begun. `how`: "ask" for a task that waits, "wait" for one as long as it takes,
-- "rest" until it is told to end, "tell" for nothing.
step("pool_next", { "allow-oom" }, function(call, o, w, how, memory, number, frame, objects)
  local tree, key = call.tree, key_of(call.tree, o)
  local owner, wide = pools.owner_for(call, o, w)
  if not owner then return { "no", "gone" } end
  if number then
    if redis.call("HGET", key .. ":b", number) ~= w then return { "no", "unbegun" } end
    local gone = missing(tree, objects)
    if gone then return { "no", "gone", gone } end
    redis.call("HDEL", key .. ":b", number)
    redis.call("HDEL", key .. ":c", number)
    if wide then redis.call("HINCRBY", key .. ":n", w, -1) end
    adopt_all(tree, owner, objects)
  end
  local told, begun = { "later" }, ""
  local stops = how ~= "tell" and redis.call("SISMEMBER", key .. ":s", w) == 1
  local record = not stops and (how == "ask" or how == "wait") and redis.call("LPOP", key .. ":l")
  if record then
    local parts = cmsgpack.unpack(record)
    begun = parts[1]
    pools.begin(tree, o, begun, w, wide)
    adopt_all(tree, call.member, parts[3])
    unhold_all(tree, parts[3])
    told = { "ok", "task", begun, parts[2], parts[3] }
  elseif stops then
    told = { "ok", "stop" }
  elseif how == "ask" or how == "tell" then
    told = { "ok", "none" }
  end
  if number or begun ~= "" then tell(tree, owner, "pool", o, w, begun, memory, frame or "", objects or "") end
  if told[1] == "later" then
    redis.call("HSET", key .. ":p", w, call.waiter)
    if how == "wait" then redis.call("RPUSH", key .. ":w", w) end
    later(call, o)
  end
  return told
end)

-- pool_begin o worker number → ok | no taken | no gone: it begins what it was offered.
step("pool_begin", { "allow-oom" }, function(call, o, w, number)
  local tree, key = call.tree, key_of(call.tree, o)
  local owner, wide = pools.owner_for(call, o, w)
  if not owner then return { "no", "gone" } end
  if redis.call("HGET", key .. ":o", number) ~= w then return { "no", "taken" } end
  local objects = cmsgpack.unpack(redis.call("HGET", key .. ":r", number))[3]
  redis.call("HDEL", key .. ":o", number)
  redis.call("HDEL", key .. ":r", number)
  pools.begin(tree, o, number, w, wide)
  unhold_all(tree, objects)
  tell(tree, owner, "pool", o, w, number, "", "", "")
  return { "ok" }
end)

-- pool_say o worker frame objects → ok: anything else that the worker has to say.
step("pool_say", {}, function(call, o, w, frame, objects)
  local owner = pools.owner_for(call, o, w)
  if not owner or missing(call.tree, objects) then return { "no", "gone" } end
  adopt_all(call.tree, owner, objects)
  tell(call.tree, owner, "pool", o, w, "", "", frame, objects)
  return { "ok" }
end)

-- pool_report o worker number frame objects most → ok unread | later: what a task reports; where as many are unread as
-- may be, it is answered when half of them have been read.
step("pool_report", {}, function(call, o, w, number, frame, objects, most)
  local key = key_of(call.tree, o)
  local owner = pools.owner_for(call, o, w)
  if not owner or missing(call.tree, objects) then return { "no", "gone" } end
  if redis.call("HGET", key .. ":b", number) ~= w then return { "no", "unbegun" } end
  adopt_all(call.tree, owner, objects)
  tell(call.tree, owner, "pool", o, w, "", "", frame, objects)
  local unread = redis.call("HINCRBY", key .. ":u", w, 1)
  if unread < tonumber(most) then return { "ok", text(unread) } end
  redis.call("HSET", key .. ":h", w, call.waiter)
  return later(call, o)
end)

-- pool_heard o worker count most → ok: so many reports have been read.
step("pool_heard", { "allow-oom" }, function(call, o, w, count, most)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  local key = key_of(call.tree, o)
  if redis.call("HEXISTS", key .. ":u", w) == 0 then return { "ok" } end
  local unread = redis.call("HINCRBY", key .. ":u", w, -tonumber(count))
  local waiter = redis.call("HGET", key .. ":h", w)
  if waiter and unread <= tonumber(most) / 2 then
    redis.call("HDEL", key .. ":h", w)
    answer(call.tree, o, waiter, { "ok", text(unread) })
  end
  return { "ok" }
end)

-- pool_cancel o number why → ok: nobody wants that task any more; whoever runs it is told.
step("pool_cancel", { "allow-oom" }, function(call, o, number, why)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  local key = key_of(call.tree, o)
  local w = redis.call("HGET", key .. ":b", number)
  if not w then return { "ok" } end
  redis.call("HSET", key .. ":c", number, why)
  tell(call.tree, redis.call("HGET", key .. ":m", w), "pool.cancel", o, number, why)
  return { "ok" }
end)

-- pool_wanted o number → ok why: why that task is not wanted any more; empty if it is.
look("pool_wanted", { "no-writes" }, function(tree, o, number)
  return { "ok", redis.call("HGET", key_of(tree, o) .. ":c", number) or "" }
end)

-- pool_give_up o number → ok: whoever runs that task answers it now.
step("pool_give_up", { "allow-oom" }, function(call, o, number)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  local w = redis.call("HGET", key_of(call.tree, o) .. ":b", number)
  if w then tell(call.tree, redis.call("HGET", key_of(call.tree, o) .. ":m", w), "pool.give_up", o, number) end
  return { "ok" }
end)

-- pool_introduce o function bytes → ok: what tasks mean by that number.
step("pool_introduce", {}, function(call, o, fn, bytes)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  local key = key_of(call.tree, o)
  redis.call("HSET", key .. ":f", fn, bytes)
  local all = redis.call("HGETALL", key .. ":y")
  for i = 1, #all, 2 do
    if all[i + 1] == fn then
      redis.call("HDEL", key .. ":y", all[i])
      answer(call.tree, o, all[i], { "ok", bytes })
    end
  end
  return { "ok" }
end)

-- pool_function o function → ok bytes | later | no gone
step("pool_function", { "allow-oom" }, function(call, o, fn)
  if not is_a(call.tree, o, "pool") or redis.call("HEXISTS", key_of(call.tree, o), "shut") == 1 then
    return { "no", "gone" }
  end
  local bytes = redis.call("HGET", key_of(call.tree, o) .. ":f", fn)
  if bytes then return { "ok", bytes } end
  redis.call("HSET", key_of(call.tree, o) .. ":y", call.waiter, fn)
  return later(call, o)
end)

-- pool_stop o worker → ok: it is to end, once it has answered what it runs.
step("pool_stop", { "allow-oom" }, function(call, o, w)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  redis.call("SADD", key_of(call.tree, o) .. ":s", w)
  pools.tell_waiting(call.tree, o, w, { "ok", "stop" })
  return { "ok" }
end)
