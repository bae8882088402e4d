-- Lock and RLock.
--
-- | key       | what |
-- | --------- | ---- |
-- | o:<o>     | `owner` (`<member>/<thread>`; absent: free), `since` when and `depth` (of the last one, where it is free), |
-- |           | `token` (see lapse.lua), |
-- |           | `recover` (1: the next holder is told of a death by its guard), `died` (who and how, packed), `last` (the |
-- |           | member whose `holds` has it), `queued` (there: somebody may be in the line) |
-- | o:<o>:w   | the line of those who wait for it |
-- | o:<o>:i   | hash: of each of them the object that it waits for (a condition, if it comes from one), thread and depth |
--
-- | transition  | from → to                            | step                                              |
-- | ----------- | ------------------------------------ | ------------------------------------------------- |
-- | T1 take     | free → owned, token + 1              | acquire, try                                      |
-- | T2 deeper   | RLock, owned → owned, depth + 1      | acquire, try of its owner                         |
-- | T3 wait     | owned → owned, one more in the line  | acquire; a condition's waiter that was notified   |
-- | T4 release  | owned → owned, depth − 1             | release of an RLock that is deeper than 1         |
-- | T5 free     | owned → free, then T6                | release; wait of a condition                      |
-- | T6 hand on  | free, somebody in the line → owned by the first, token + 1 | whoever has done T5, T7, T8 |
-- | T7 inherit  | owned by the dead → free with `died`, then T6 | burial; giveback of who has it and had gone |
-- | T8 tell     | free with `died`, not `recover` → free, one is told, then T6 | acquire, try, T6 of who comes from no condition |
-- | T9 recall   | any without `died` → the same with `died` | giveback of who was told (T8) and had gone       |
--
-- I1. A lock that is free has nobody who lives in its line: T5 and T7 end with T6, which goes on until somebody has it.
-- I2. `holds:<m>` of its owner has it. It stays there when the lock is free, until another member takes it: who takes it
--     again and again writes nothing there.
-- I3. `died` is told once: T8 and T6 take it away. Who comes from a condition holds the lock all the same.
--
-- A thread is a number that its member gives it. Who is buried while it waits leaves the line (cancel).

local locks = { KINDS = { lock = true, rlock = true } }

do
  -- T1 and T6: the lock is free, or was just now.
  local function take(tree, o, member, thread, depth, it)
    local key, token = key_of(tree, o), string.format("%d", math.max(it.token + 1, members.least_token(tree)))
    redis.call("HSET", key, "owner", member .. "/" .. thread, "depth", depth, "since", now_as_text(), "token", token, "last", member)
    if it.died then redis.call("HDEL", key, "died") end
    if it.last ~= member then
      if it.last then redis.call("SREM", tree .. "holds:" .. it.last, o) end
      redis.call("SADD", tree .. "holds:" .. member, o)
    end
    return token
  end

  -- T6 and T8 until somebody has it or nobody is left.
  local function hand_on(tree, o)
    local key = key_of(tree, o)
    local waiter = line.next(tree, o, ":w")
    while waiter do
      local object, thread, depth = unpack(cmsgpack.unpack(redis.call("HGET", key .. ":i", waiter)))
      redis.call("HDEL", key .. ":i", waiter)
      local state = redis.call("HMGET", key, "died", "recover", "token", "last", "cell")
      local died = state[1] and cmsgpack.unpack(state[1])
      if died and state[2] == "0" and object == o then
        redis.call("HDEL", key, "died")
        answer(tree, o, waiter, joined({ "no", "died" }, died))
        waiter = line.next(tree, o, ":w")
      else
        local it = { token = state[3], last = state[4], died = died }
        local token = take(tree, o, parts_of(waiter), thread, depth, it)
        local outcome = joined({ token }, died or NOBODY, cell_of(tree, state[5]))
        if object == o then answer(tree, o, waiter, joined({ "ok" }, outcome))
        else locks.returned(tree, object, waiter, outcome) end
        return
      end
    end
    redis.call("HDEL", key, "queued")
  end

  -- T5, or T7 if somebody has died.
  function locks.free(tree, o, queued, died)
    local key = key_of(tree, o)
    redis.call("HDEL", key, "owner")
    if died then redis.call("HSET", key, "died", cmsgpack.pack(died)) end
    if queued then hand_on(tree, o) end
  end

  -- T3 of a waiter of that object, which has noted the wait; T6 at once if the lock is free.
  function locks.wait(tree, o, waiter, object, thread, depth)
    redis.call("HSET", key_of(tree, o), "queued", "1")
    redis.call("HSET", key_of(tree, o) .. ":i", waiter, cmsgpack.pack({ object, thread, depth }))
    line.join(tree, o, ":w", waiter)
    if redis.call("HEXISTS", key_of(tree, o), "owner") == 0 then hand_on(tree, o) end
  end

  function locks.leave(tree, o, waiter)
    redis.call("HDEL", key_of(tree, o) .. ":i", waiter)
    return line.leave(tree, o, ":w", waiter)
  end

  -- What became of an acquisition that need not wait; nil if it must.
  local function attempt(call, o, thread, it)
    if it.owner then
      if it.kind == "lock" or it.owner ~= call.member .. "/" .. thread then return nil end
      redis.call("HINCRBY", key_of(call.tree, o), "depth", 1)
      return joined({ "ok", it.token }, NOBODY, cell_of(call.tree, it.cell))
    end
    local died = it.died and cmsgpack.unpack(it.died)
    if died and redis.call("HGET", key_of(call.tree, o), "recover") == "0" then
      redis.call("HDEL", key_of(call.tree, o), "died")
      return joined({ "no", "died" }, died)
    end
    local token = take(call.tree, o, call.member, thread, "1", it)
    if not died and not it.cell then return { "ok", token, "", "", "", "" } end
    return joined({ "ok", token }, died or NOBODY, cell_of(call.tree, it.cell))
  end

  -- The state of a lock as those who acquire it need it; nil if there is none.
  local function to_acquire(call, o, thread)
    if not is_whole(thread) then return nil end
    local it = fields_of(call.tree, o, locks.KINDS, "owner", "token", "died", "cell", "last")
    return it and { kind = it[1], owner = it[2], token = it[3], died = it[4], cell = it[5], last = it[6] }
  end

  -- The same for those who release it.
  local function to_release(call, o, thread)
    if not is_whole(thread) then return nil end
    local it = fields_of(call.tree, o, locks.KINDS, "owner", "depth", "cell", "queued", "died")
    return it and {
      kind = it[1], owner = it[2], depth = tonumber(it[3] or "0"), cell = it[4], queued = it[5], died = it[6],
    }
  end

  -- lock_acquire o thread → ok token pid name how host … | later | no died pid name how host | no gone. Behind them: the
  -- cell that travels with the lock (cells.lua).
  step("lock_acquire", { "allow-oom" }, function(call, o, thread)
    local it = to_acquire(call, o, thread)
    if not it then return { "no", "gone" } end
    local outcome = attempt(call, o, thread, it)
    if outcome then return outcome end
    local waits = later(call, o)
    locks.wait(call.tree, o, call.waiter, o, thread, "1")
    return waits
  end)

  -- lock_try o thread → as lock_acquire, but no held instead of later.
  step("lock_try", { "allow-oom" }, function(call, o, thread)
    local it = to_acquire(call, o, thread)
    if not it then return { "no", "gone" } end
    return attempt(call, o, thread, it) or { "no", "held" }
  end)

  -- lock_release o thread … → ok | no free | no owner | no cell | no gone. A Lock is released by anybody. Behind the
  -- thread: what its cell gets, if its owner says so.
  step("lock_release", { "allow-oom" }, function(call, o, thread, ...)
    local it = to_release(call, o, thread)
    if not it then return { "no", "gone" } end
    if not it.owner then return { "no", "free" } end
    local is_owner = it.owner == call.member .. "/" .. thread
    if it.kind == "rlock" and not is_owner then return { "no", "owner" } end
    if is_owner and select("#", ...) > 0 and not cell_put(call.tree, it.cell, ...) then return { "no", "cell" } end
    if it.depth > 1 then
      redis.call("HINCRBY", key_of(call.tree, o), "depth", -1)
      return { "ok" }
    end
    locks.free(call.tree, o, it.queued)
    return { "ok" }
  end)

  -- lock_giveback o thread pid name how host → ok: undoes an acquisition whose caller had gone, so that the next one is
  -- told of the death of which it was told, even if somebody has come in between. Empty texts: of none.
  step("lock_giveback", { "allow-oom" }, function(call, o, thread, ...)
    local it = to_release(call, o, thread)
    local died = { ... }
    if not it or #died ~= 4 then return { "no", "gone" } end
    if died[1] == "" and died[2] == "" then died = nil end
    if it.owner == call.member .. "/" .. thread then
      if it.depth > 1 then redis.call("HINCRBY", key_of(call.tree, o), "depth", -1)
      else locks.free(call.tree, o, it.queued, died) end
    elseif died and not it.died then
      redis.call("HSET", key_of(call.tree, o), "died", cmsgpack.pack(died))
    end
    return { "ok" }
  end)

  -- lock_look o → ok owner depth | no gone: owner empty if it is free.
  step("lock_look", { "allow-oom" }, function(call, o)
    local it = fields_of(call.tree, o, locks.KINDS, "owner", "depth")
    if not it then return { "no", "gone" } end
    return { "ok", it[2] or "", it[2] and it[3] or "0" }
  end)

  local kind = { keys = { ":w", ":i" } }

  -- make lock|rlock name recover
  function kind.check(_, recover)
    if recover ~= "0" and recover ~= "1" then return "malformed" end
  end

  function kind.make(call, o, recover)
    redis.call("HSET", key_of(call.tree, o), "recover", recover, "token", "0")
  end

  function kind.cancel(tree, o, waiter)
    locks.leave(tree, o, waiter)
  end

  function kind.bury(tree, o, member, how)
    local owner = redis.call("HGET", key_of(tree, o), "owner")
    if owner and owner:match("^%d+") == member then locks.free(tree, o, true, obituary(tree, member, how)) end
  end

  function kind.destroy(tree, o)
    local key = key_of(tree, o)
    local last = redis.call("HGET", key, "last")
    if last then redis.call("SREM", tree .. "holds:" .. last, o) end
    local waiter = line.next(tree, o, ":w")
    while waiter do
      local object = unpack(cmsgpack.unpack(redis.call("HGET", key .. ":i", waiter)))
      answer(tree, object, waiter, { "no", "gone" })
      waiter = line.next(tree, o, ":w")
    end
  end

  kinds.lock, kinds.rlock = kind, kind
end
