-- Condition: a lock (lock.lua), and those who wait with it for a notification.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<o>   | `lock`: the object that is its lock, of which it has a share |
-- | o:<o>:w | the line of those who wait for a notification |
-- | o:<o>:i | hash: of each waiter its thread, how deep it held the lock, and the time of its notification |
--
-- Numbers in the line are its time: a notification at time t may go to those who came with numbers below t. A waiter's
-- time is 0 while it waits, −1 once it has withdrawn.
--
-- | transition  | from → to                                          | step                             |
-- | ----------- | -------------------------------------------------- | -------------------------------- |
-- | W1 wait     | the lock's owner → in the line; the lock is freed  | wait                             |
-- | W2 notify   | first in the line → notified, in the lock's line   | notify of the lock's owner; W5   |
-- | W3 withdraw | in the line → withdrawn, in the lock's line        | cancel: time-out, abort          |
-- | W4 return   | first in the lock's line → has the lock again      | T6 of lock.lua                   |
-- | W5 inherit  | notified, buried before W4 → gone; W2 of the first in the line that came before that time | burial |
-- | W6 die      | in the line, or withdrawn → gone                   | burial, final cancel             |
-- | W7 pass on  | notified → gone; then as W5                        | final cancel                     |
--
-- I1. Whoever has begun to wait and lives is answered by W4 alone, so it has the lock again however its wait has ended. Of a
--     thread that has given up its wait, as the engine was away, nobody is answered (W6, W7): it has gone on without the lock.
-- I2. A notification ends the wait of somebody who lives, as long as there is one that waited when it was made.

do
  local KINDS = { condition = true }

  local function info_of(tree, o, waiter)
    local packed = redis.call("HGET", key_of(tree, o) .. ":i", waiter)
    if packed then return unpack(cmsgpack.unpack(packed)) end
  end

  -- W2 and W3.
  local function move(tree, o, lock, waiter, time)
    local thread, depth = info_of(tree, o, waiter)
    redis.call("HSET", key_of(tree, o) .. ":i", waiter, cmsgpack.pack({ thread, depth, time }))
    locks.wait(tree, lock, waiter, o, thread, depth)
  end

  -- W4, done by the lock: `outcome` is as lock_acquire answers it.
  function locks.returned(tree, o, waiter, outcome)
    local _, _, time = info_of(tree, o, waiter)
    redis.call("HDEL", key_of(tree, o) .. ":i", waiter)
    answer(tree, o, waiter, joined({ "ok", time and time > 0 and "1" or "0" }, outcome))
  end

  -- The condition's lock, its depth, its cell and whether it is queued, if the caller's thread owns it; else what to answer.
  local function owned(call, o, thread)
    local it = is_whole(thread) and fields_of(call.tree, o, KINDS, "lock")
    if not it then return nil, { "no", "gone" } end
    local state = fields_of(call.tree, it[2], locks.KINDS, "owner", "depth", "cell", "queued")
    if not state then return nil, { "no", "gone" } end
    if state[2] ~= call.member .. "/" .. thread then return nil, { "no", "owner" } end
    return it[2], state[3], state[4], state[5]
  end

  -- condition_wait o thread … → later, then ok notified token pid name how host … | no owner | no cell | no gone. Behind
  -- the thread: what the lock's cell gets.
  step("condition_wait", { "allow-oom" }, function(call, o, thread, ...)
    local lock, depth, cell, queued = owned(call, o, thread)
    if not lock then return depth end
    if select("#", ...) > 0 and not cell_put(call.tree, cell, ...) then return { "no", "cell" } end
    local waits = later(call, o)
    line.join(call.tree, o, ":w", call.waiter)
    redis.call("HSET", key_of(call.tree, o) .. ":i", call.waiter, cmsgpack.pack({ thread, depth, 0 }))
    locks.free(call.tree, lock, queued)
    return waits
  end)

  -- condition_notify o thread n → ok count | no owner | no gone
  step("condition_notify", { "allow-oom" }, function(call, o, thread, n)
    if not is_whole(n) then return { "no", "gone" } end
    local lock, refusal = owned(call, o, thread)
    if not lock then return refusal end
    local time = tonumber(redis.call("HGET", key_of(call.tree, o), "came") or "0") + 1
    local count = 0
    while count < tonumber(n) do
      local waiter = line.next(call.tree, o, ":w")
      if not waiter then break end
      move(call.tree, o, lock, waiter, time)
      count = count + 1
    end
    return { "ok", text(count) }
  end)

  -- condition_look o → ok waiters | no gone
  step("condition_look", { "allow-oom" }, function(call, o)
    if not fields_of(call.tree, o, KINDS) then return { "no", "gone" } end
    return { "ok", text(line.length(call.tree, o, ":w")) }
  end)

  -- W5: what one that is buried was notified of.
  local function inherit(tree, o, lock, time)
    local waiter, came = line.next(tree, o, ":w")
    if not waiter then return end
    if came < time then move(tree, o, lock, waiter, time)
    else redis.call("ZADD", key_of(tree, o) .. ":w", text(came), waiter) end
  end

  local function forget(tree, o, lock, waiter)
    line.leave(tree, o, ":w", waiter)
    redis.call("HDEL", key_of(tree, o) .. ":i", waiter)
    locks.leave(tree, lock, waiter)
  end

  -- W5 and W6 of all notified waits of a member at once: the oldest notification is inherited first, since fewest may.
  local function inherit_all(tree, o, lock, member)
    local times = {}
    for _, wait in ipairs(redis.call("SMEMBERS", tree .. "waits:" .. member)) do
      local object, waiter = wait:match("^(%d+)|(.+)$")
      local thread, _, time = nil, nil, 0
      if object == o then thread, _, time = info_of(tree, o, waiter) end
      if thread and time > 0 then
        forget(tree, o, lock, waiter)
        times[#times + 1] = time
      end
    end
    table.sort(times)
    for _, time in ipairs(times) do inherit(tree, o, lock, time) end
  end

  local kind = { keys = { ":w", ":i" } }

  -- make condition name lock
  function kind.check(call, lock)
    if not fields_of(call.tree, lock, locks.KINDS) then return "gone" end
  end

  function kind.make(call, o, lock)
    redis.call("HSET", key_of(call.tree, o), "lock", lock)
    hold(call.tree, lock)
  end

  -- W3 (true: it is answered once it has the lock), W5, W6 and W7.
  function kind.cancel(tree, o, waiter, how, final)
    local lock = redis.call("HGET", key_of(tree, o), "lock")
    local thread, _, time = info_of(tree, o, waiter)
    if not thread then return false end
    if final then
      forget(tree, o, lock, waiter)
      if time > 0 then inherit(tree, o, lock, time) end
      return false
    end
    if not how then
      if time == 0 and line.leave(tree, o, ":w", waiter) then move(tree, o, lock, waiter, -1) end
      return true
    end
    if time > 0 then inherit_all(tree, o, lock, (parts_of(waiter)))
    else forget(tree, o, lock, waiter) end
    return false
  end

  -- Its waiters have no handle of it any more, which only a broken member does.
  function kind.destroy(tree, o)
    local lock = redis.call("HGET", key_of(tree, o), "lock")
    for _, waiter in ipairs(redis.call("HKEYS", key_of(tree, o) .. ":i")) do
      locks.leave(tree, lock, waiter)
      answer(tree, o, waiter, { "no", "gone" })
    end
    unhold(tree, lock)
  end

  kinds.condition = kind
end
